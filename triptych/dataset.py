"""Prepared datasets: make one, open one, read its rows and segments, decode them, check them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from os import PathLike, fspath
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from .pipelines.engines.journal import Journal, Step
from .pipelines.inspection.show import Decoder
from .pipelines.inspection.stats import stats
from .pipelines.inspection.verify import Finding, verify
from .pipelines.prepare import prepare as _prepare
from .schemas.config.load import check, load_run
from .schemas.config.run import RunConfig
from .schemas.dataset.layout import codes_of_span
from .schemas.dataset.manifest import Manifest
from .schemas.dataset.packed_row import PackedRow
from .schemas.dataset.reader import Dataset as _Dataset
from .schemas.vocabulary import Kind, Modality

Ids = npt.NDArray[np.uint32]
KindName = Literal["text", "image-text", "audio-text", "image-audio-text"]


@dataclass(frozen=True, eq=False)
class Segment:
    """One document, or one piece of a long text, in a packed row.

    Attributes:
        row: Index of the packed row in the dataset.
        number: Number of the segment in its row, from 1, as the row's `segment` array has it.
        start: Position of its first token in the row.
        tokens: Ids of the whole segment, task slot and marks included.
        kind: What it consists of, such as ``"image-text"``.
        source: Name of the source in the run file.
        file: Label of the file that the document was read from; `file_row` is its number in that file.
        id: Identity of the document, 16 bytes.
        offset: Tokens of the document in earlier pieces; `last` is True for the last piece.
        license: Licence of the document, if the source names one.
        spans: Codes of each modality, in the order in which they stand: (modality, start in the row, length).
    """

    row: int
    number: int
    start: int
    tokens: Ids
    kind: KindName
    source: str
    file: str
    file_row: int
    id: bytes
    offset: int
    last: bool
    license: str | None
    spans: tuple[tuple[Literal["text", "image", "audio"], int, int], ...]


@dataclass(frozen=True, eq=False)
class Decoded:
    """What a segment stands for; a modality that it lacks is None.

    Attributes:
        text: Its text.
        pixels: (height, width, 3) uint8, decoded from image codes.
        wave: (samples,) float32 in -1 … 1, decoded from audio codes.
        sample_rate: Samples a second of `wave`.
    """

    text: str | None = None
    pixels: npt.NDArray[np.uint8] | None = None
    wave: npt.NDArray[np.float32] | None = None
    sample_rate: int | None = None


class Dataset:
    """A prepared dataset.

    Args:
        url: Folder that holds `manifest.json`: a path, or any fsspec URL such as ``s3://bucket/dataset``.

    Raises:
        Refusal: There is no finished dataset at `url`, or its manifest was changed.
    """

    def __init__(self, url: str | PathLike[str]) -> None:
        self._dataset = _Dataset(fspath(url))

    def __repr__(self) -> str:
        return f"Dataset({self.url!r}, {len(self):,} rows of {self.manifest.row_length})"

    @property
    def url(self) -> str:
        """Where the dataset is."""
        return self._dataset.url

    @property
    def manifest(self) -> Manifest:
        """Everything that is recorded about the dataset: shards, vocabulary, ledger, statistics, fingerprints."""
        return self._dataset.manifest

    def __len__(self) -> int:
        """Number of packed rows over all shards."""
        return self._dataset.rows

    def row(self, index: int) -> PackedRow:
        """Return packed row `index`; negative indices count from the end.

        Returns:
            The arrays `tokens`, `segment` and `modality`, each (row_length,), and the tables `segments` and `spans`.

        Raises:
            Refusal: There is no such row, or its shard cannot be read.
        """
        return self._dataset.row(index + len(self) if index < 0 else index)

    def rows(self, indices: slice = slice(None)) -> Iterator[PackedRow]:
        """Iterate over the packed rows of a slice, each as `row` returns it."""
        for index in range(*indices.indices(len(self))):
            yield self._dataset.row(index)

    def segments(
        self,
        indices: slice = slice(None),
        *,
        source: str | None = None,
        kind: KindName | None = None,
        document: bytes | None = None,
    ) -> Iterator[Segment]:
        """Iterate over segments, row by row.

        Args:
            indices: Packed rows to look in.
            source: Only segments of this source.
            kind: Only segments of this kind.
            document: Only segments of the document with this id.
        """
        given = {"source": source, "kind": None if kind is None else Kind(kind).code, "id": document}
        filters = {name: value for name, value in given.items() if value is not None}
        for index in range(*indices.indices(len(self))):
            row = self._dataset.row(index)
            for number, entry in enumerate(row.segments, 1):
                if all(entry[name] == value for name, value in filters.items()):
                    yield _segment(index, number, row, entry)

    def decode(self, segment: Segment) -> Decoded:
        """Decode a segment of this dataset with the dataset's own tokenizers.

        Raises:
            Refusal: A tokenizer of the dataset cannot be loaded.
        """
        bundle, vocabulary = self._decoder.bundle, self.manifest.vocabulary
        found: dict[str, Any] = {}
        for modality, start, length in segment.spans:
            ids = segment.tokens[start - segment.start : start - segment.start + length]
            codes = codes_of_span(ids, Modality[modality.upper()], vocabulary)
            if modality == "text":
                found["text"] = bundle.text.decode(codes)
            elif modality == "image":
                found["pixels"] = bundle.image.decode(codes[None])[0]
            else:
                found |= {"wave": bundle.audio.decode(codes), "sample_rate": bundle.audio.sample_rate}
        return Decoded(**found)

    def stats(self) -> dict[str, object]:
        """Return counts and shares as JSON values, as `triptych stats --json` prints them."""
        return cast(dict[str, object], stats(self.manifest))

    def verify(self) -> list[Finding]:
        """Recompute all that the manifest states: checksums, token ranges, tables, ledger, statistics.

        Returns:
            What differs, each with the file and the problem; an empty list for a sound dataset.
        """
        return verify(self.url)[1]

    @cached_property
    def _decoder(self) -> Decoder:
        return Decoder(self._dataset)


def _segment(index: int, number: int, row: PackedRow, entry: Mapping[str, Any]) -> Segment:
    start, length = entry["start"], entry["length"]
    kind = next(kind for kind in Kind if kind.code == entry["kind"])
    mine = [span for span in row.spans if span["segment"] == number]
    names = [cast(Any, Modality(span["modality"]).name.lower()) for span in mine]
    return Segment(
        row=index,
        number=number,
        start=start,
        tokens=row.tokens[start : start + length].astype(np.uint32),
        kind=kind.value,
        source=entry["source"],
        file=entry["file"],
        file_row=entry["row"],
        id=entry["id"],
        offset=entry["offset"],
        last=entry["last"],
        license=entry["license"],
        spans=tuple((name, span["start"], span["length"]) for name, span in zip(names, mine, strict=True)),
    )


class _Reporting(Journal):
    """A journal that calls back whenever a partition is finished."""

    def __init__(self, progress: Callable[[str, int, int], None]) -> None:
        super().__init__()
        self._progress = progress

    @contextmanager
    def step(self, label: str, total: int, reused: int) -> Iterator[Step]:
        """Time a step of the run; partitions that were found finished count as done."""
        with super().step(label, total, reused) as step:
            step.watch(lambda: self._progress(label, step.reused + step.done, step.total))
            yield step


def prepare(
    run: str | PathLike[str] | Mapping[str, object] | RunConfig,
    *,
    progress: Callable[[str, int, int], None] | None = None,
) -> Dataset:
    """Prepare a dataset, or finish one that was begun.

    Args:
        run: Path of a run file, or its content as a mapping or a `RunConfig`.
        progress: Called as ``progress(step, done, total)`` with partitions whenever one is finished.

    Returns:
        The finished dataset at the run's `out`.

    Raises:
        Refusal: The run file is wrong, or the run cannot succeed; the message says what to change.
    """
    if isinstance(run, RunConfig):
        config = run
    elif isinstance(run, Mapping):
        config = check(RunConfig, dict(run), "the run")
    else:
        config = load_run(fspath(run))
    _prepare(config, Journal() if progress is None else _Reporting(progress))
    return Dataset(config.out)
