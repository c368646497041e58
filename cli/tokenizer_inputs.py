"""Inputs of `triptych tokenizer`: the sources of a run file, or plain files and folders."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash
from pydantic import Field

from ..pipelines.sources.formats import ENDINGS
from ..pipelines.sources.read import Input
from ..pipelines.sources.registry import open_source
from ..pipelines.sources.samples import samples
from ..pipelines.sources.streams import Broken, ByteStream, WrongFormat
from ..pipelines.sources.text_blocks import BOM
from ..schemas.base import Strict
from ..schemas.config.load import apply_override, check, load_run
from ..schemas.config.run import Limits, RunConfig
from ..schemas.config.tokenizers import Tokenizers
from ..schemas.errors import Refusal
from ..schemas.vocabulary import Modality

SUFFIXES = {
    Modality.TEXT: (".txt",),
    Modality.IMAGE: (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    Modality.AUDIO: (".wav", ".flac", ".ogg", ".opus", ".mp3"),
}
KINDS = [modality.name.lower() for modality in SUFFIXES]


class Settings(Strict):
    """The keys of a run file that apply without sources."""

    seed: int = Field(0, ge=0)
    tokenizers: Tokenizers = Field(default_factory=Tokenizers)
    limits: Limits = Field(default_factory=Limits)


class SourceRow(NamedTuple):
    """A text, or an encoded image or audio file; the order by `rank` does not depend on sources and files."""

    rank: int
    data: bytes
    transcript: str = ""


@dataclass(frozen=True)
class Inputs:
    """Rows of one modality, and counts of the rows that could not be read."""

    settings: Settings | RunConfig
    modality: Modality
    files: tuple[Path, ...] = ()
    skipped: Counter[str] = field(default_factory=Counter)  # by reason, over everything read so far

    @property
    def tokenizer(self) -> Any:
        """The config of the modality's tokenizer."""
        return getattr(self.settings.tokenizers, self.modality.name.lower())

    def rows(self) -> Iterator[SourceRow]:
        """Every row once, in the order of sources and files."""
        if isinstance(self.settings, RunConfig):
            return _source_rows(self.settings, self.modality, self.skipped)
        read = _text if self.modality is Modality.TEXT else _bytes
        return _file_rows(self.files, read, self.settings.limits, self.skipped)

    def first(self, count: int) -> list[SourceRow]:
        """The `count` rows of lowest rank, which a tokenizer is trained on."""
        return heapq.nsmallest(count, self.rows())

    def last(self, count: int) -> list[SourceRow]:
        """The `count` rows of highest rank in ascending order, which training selects last."""
        return sorted(heapq.nlargest(count, self.rows()))

    def texts(self, rows: Sequence[SourceRow]) -> list[str]:
        """Texts of the rows; rows that are not UTF-8 are skipped."""
        return [text for row in rows if (text := self._text(row)) is not None]

    def all_texts(self) -> Iterator[str]:
        """Texts of all rows, read lazily."""
        return (text for row in self.rows() if (text := self._text(row)) is not None)

    def pictures(self, rows: Sequence[SourceRow], side: int) -> npt.NDArray[np.uint8]:
        """Images of the rows that can be decoded, as an array (n, side, side, 3)."""
        from ..tokenizers.image.decode_picture import BadPicture, square

        squares = []
        for row in rows:
            try:
                squares.append(square(row.data, side, self.settings.limits.pixels))
            except BadPicture as error:
                self.skipped[error.reason] += 1
        return np.stack(squares) if squares else np.empty((0, side, side, 3), np.uint8)

    def clips(self, rows: Sequence[SourceRow], sample_rate: int) -> list[tuple[npt.NDArray[np.float32], str]]:
        """Waveforms in -1..1 and transcripts of the rows that can be decoded."""
        from ..tokenizers.audio.decode_clip import BadClip, wave_of

        clips = []
        for row in rows:
            try:
                clips.append((wave_of(row.data, sample_rate, self.settings.limits.seconds), row.transcript))
            except BadClip as error:
                self.skipped[error.reason] += 1
        return clips

    def _text(self, row: SourceRow) -> str | None:
        try:
            return row.data.decode()
        except UnicodeDecodeError:
            self.skipped["utf8_invalid"] += 1
            return None


def open_inputs(kind: str, run: str | None, paths: Sequence[str], overrides: Sequence[str]) -> Inputs:
    """Inputs of the modality `kind` from a run file or from paths; raises Refusal if there are none."""
    modality = Modality[kind.upper()]
    if run is not None:
        config = load_run(run, overrides)
        if modality not in config.modalities:
            raise Refusal(f"{run}: no source contains {kind}. Give another run file, or files and folders.")
        return Inputs(config, modality)
    # with the default kinds written out, so that an override of one key need not repeat the kind
    tree: dict[str, Any] = {"tokenizers": Tokenizers().model_dump(include={key: {"kind"} for key in KINDS})}
    for override in overrides:
        apply_override(tree, override)
    settings = check(Settings, tree, "--set")
    return Inputs(settings, modality, tuple(_files(paths, SUFFIXES[modality])))


def _files(paths: Sequence[str], suffixes: Sequence[str]) -> list[Path]:
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise Refusal(f"{path}: no such file or folder. Check the path.")
        found = [path] if path.is_file() else sorted(p for p in path.rglob("*") if _suffix(p) in suffixes)
        if not found:
            raise Refusal(f"{path}: contains no file that ends in {', '.join(suffixes)}. Give another folder.")
        files += found
    return files


def _suffix(path: Path) -> str:
    """Return the suffix of a file in lower case, `.txt` also for `a.txt.gz`."""
    return (path.with_suffix("") if path.suffix.lower() in ENDINGS else path).suffix.lower()


def _file_rows(
    files: Sequence[Path], read: Callable[[Path, int], bytes | None], limits: Limits, skipped: Counter[str]
) -> Iterator[SourceRow]:
    for file in files:
        try:
            data = read(file, limits.row_bytes)
        except Broken as error:
            skipped[error.reason] += 1
            continue
        if data is None:
            skipped["row_too_large"] += 1
        else:
            yield SourceRow(xxhash.xxh3_64_intdigest(data), data)


def _bytes(file: Path, limit: int) -> bytes | None:
    return file.read_bytes() if file.stat().st_size <= limit else None


def _text(file: Path, limit: int) -> bytes | None:
    """Return the bytes of a text file, decompressed; raises Refusal if it is of another format."""
    with ByteStream(str(file.absolute())) as stream:
        try:
            data = stream.whole(limit)
        except WrongFormat as error:
            raise Refusal(f"{file} is {error.what}. {error.advice}") from None
    return None if data is None else data.removeprefix(BOM)


def _source_rows(config: RunConfig, modality: Modality, skipped: Counter[str]) -> Iterator[SourceRow]:
    column = modality.name.lower()
    for source in config.sources:
        if modality not in source.modality.modalities:
            continue
        reader = open_source(source, config.limits, config.partition_bytes)
        for unit in reader.units():
            base = Input(source, unit, reader.digest(unit), 0).base
            for batch in samples(reader.read(unit), source, base, config.partition_bytes):
                for drop in batch.drops:
                    skipped[drop.reason] += drop.rows
                columns = (batch.table[name].to_pylist() for name in ("id", column, "text"))
                for name, data, text in zip(*columns, strict=True):
                    if data:
                        rank = int.from_bytes(name[8:], "little")  # as pipelines.draw ranks rows
                        yield SourceRow(rank, data.encode() if isinstance(data, str) else data, text or "")
