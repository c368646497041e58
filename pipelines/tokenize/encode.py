"""The tokenize stages, one per modality: each replaces a raw column by codes.

Images and audio are encoded before text, so that a change of the text tokenizer does not encode them again. Batches are
formed from a partition's own rows in order, and the number of threads is fixed, so the codes are the same everywhere.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.run import Limits
from ...schemas.config.tokenizers import AudioConfig, ImageConfig, TextConfig
from ...schemas.dataset.tables import DROPPED, code_type, sample_schema
from ...schemas.storage.store import Store
from ...schemas.vocabulary import Modality
from ...tokenizers.audio.decode_clip import BadClip, wave_of
from ...tokenizers.decoding import decoding_identity
from ...tokenizers.image.decode_picture import BadPicture, square
from ...tokenizers.protocol import Pixels, Wave
from ...tokenizers.registry import load_audio, load_image, load_text
from ...tokenizers.text.gigatoken_encoder import encode_column
from ..engines.partition import Outcome, count_rows, drop_rows

ENCODE_VERSION = 2
IMAGE_VERSION = 1  # of how images are batched within the tokenizer
BATCH = 32  # images or clips decoded and encoded together

T = TypeVar("T")
Reason = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class _Encode(ABC):
    store: Store
    where: str | None  # path of the tokenizer in the store; None: at its config's path
    fingerprint: str
    sizes: Mapping[str, int]  # codebook size by modality; the largest where a modality has several codebooks
    limits: Limits
    threads: int
    counted: bool = True

    @property
    @abstractmethod
    def name(self) -> str:
        """The modality, which is also the name in the ledger."""

    def identity(self) -> list[object]:
        """Version, tokenizer, types of the written code columns, threads, limits and decoders."""
        # text comes last and writes every column; the others must not be repeated for a larger text vocabulary
        written = self.sizes if self.name == "text" else [self.name]
        types = {name: str(code_type(self.sizes[name])) for name in written}
        body = [ENCODE_VERSION, self.fingerprint, types, self.threads, self.limits.identity_body()]
        return body + decoding_identity(Modality[self.name.upper()])

    def _fix_threads(self) -> None:
        import torch

        torch.set_num_threads(self.threads)


@dataclass(frozen=True, kw_only=True)
class EncodeImages(_Encode):
    """Encodes images; adds the column `pixels`."""

    config: ImageConfig
    name: str = "image"

    def identity(self) -> list[object]:
        """That of all modalities, and the version of images alone."""
        return [*super().identity(), IMAGE_VERSION]

    def run(self, table: pa.Table) -> Outcome:
        """Decode, crop and encode the `image` column."""
        self._fix_threads()
        tokenizer = load_image(self.config, self.store.local_path(self.where))

        def decode(data: bytes) -> Pixels:
            return square(data, tokenizer.pixels, self.limits.pixels)

        def encode(pictures: Sequence[Pixels]) -> list[Any]:
            return list(tokenizer.encode(np.stack(pictures)))

        codes, bad = _encode_media(table["image"], decode, encode)
        return _replace(self.name, table, codes, self.sizes, {"pixels": [tokenizer.pixels**2] * len(codes)}, bad)


@dataclass(frozen=True, kw_only=True)
class EncodeAudio(_Encode):
    """Encodes clips to frames of residual codes, flattened frame by frame; adds the column `samples`."""

    config: AudioConfig
    name: str = "audio"

    def run(self, table: pa.Table) -> Outcome:
        """Decode, resample and encode the `audio` column."""
        self._fix_threads()
        tokenizer = load_audio(self.config, self.store.local_path(self.where))
        samples: list[int] = []

        def decode(data: bytes) -> Wave:
            wave = wave_of(data, tokenizer.sample_rate, self.limits.seconds)
            samples.append(len(wave))
            return wave

        def encode(waves: Sequence[Wave]) -> list[Any]:
            return [frames.reshape(-1) for frames in tokenizer.encode(waves)]

        codes, bad = _encode_media(table["audio"], decode, encode)
        return _replace(self.name, table, codes, self.sizes, {"samples": samples}, bad)


@dataclass(frozen=True, kw_only=True)
class EncodeText(_Encode):
    """Encodes texts; adds the column `text_bytes` and completes the schema of samples."""

    config: TextConfig
    fast: bool  # encode by gigatoken; the ids are the same
    kept: bool = False  # True in a run that keeps columns
    name: str = "text"

    def identity(self) -> list[object]:
        """That of all modalities, and whether the run keeps columns."""
        return [*super().identity(), *(["kept"] if self.kept else [])]

    def run(self, table: pa.Table) -> Outcome:
        """Encode the `text` column; no row is dropped."""
        tokenizer = load_text(self.config, self.store.local_path(self.where))
        codes, offsets = encode_column(tokenizer, table["text"], fast=self.fast)
        return complete_samples(table, codes, offsets, self.sizes, self.kept)


def complete_samples(
    table: pa.Table, codes: npt.NDArray[Any], offsets: npt.NDArray[Any], sizes: Mapping[str, int], kept: bool
) -> Outcome:
    """Put the codes of texts in the place of the texts, and complete the schema of samples.

    Args:
        table: Rows with their texts, and with the codes of other modalities.
        codes: Codes of all texts.
        offsets: (rows + 1,) where the codes of each text begin and end.
        sizes: Codebook size by modality; the largest where a modality has several codebooks.
        kept: True in a run that keeps columns.
    """
    texts, schema = table["text"], sample_schema(sizes, kept)
    columns: dict[str, Any] = {name: table[name] for name in table.column_names}
    columns["text"] = _lists(codes, offsets, schema.field("text").type)
    columns["text_bytes"] = pc.binary_length(texts).cast(pa.int64())
    for field in schema:
        if field.name not in columns:
            empty = 0 if pa.types.is_integer(field.type) else None
            columns[field.name] = pa.repeat(pa.scalar(empty, field.type), table.num_rows)
    samples = pa.table({name: columns[name] for name in schema.names}, schema=schema)
    tokens = sum(len(samples[name].combine_chunks().flatten()) for name in ("text", "image", "audio"))
    outcome = Outcome(samples, DROPPED.empty_table(), note={"tokens": tokens})
    # all rows of a part have the same source, so its tokens are that source's
    counted = {"tokens_in": tokens, "tokens_kept": tokens}
    tallies = [tally.model_copy(update=counted) for tally in count_rows("text", table, outcome)]
    return replace(outcome, tallies=tallies)


def _lists(codes: npt.NDArray[Any], offsets: npt.NDArray[Any], type_: pa.ListType) -> pa.ListArray:
    values = pa.array(codes.astype(type_.value_type.to_pandas_dtype()))
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)


def _encode_media(
    column: pa.ChunkedArray, decode: Callable[[bytes], T], encode: Callable[[Sequence[T]], list[Any]]
) -> tuple[list[Any], dict[int, Reason]]:
    """Return the codes of the rows that can be decoded, in order, and the reason of each other row."""
    codes: list[Any] = []
    bad: dict[int, Reason] = {}
    for start in range(0, len(column), BATCH):
        decoded = []
        for index in range(start, min(start + BATCH, len(column))):
            try:
                decoded.append(decode(column[index].as_py()))
            except (BadPicture, BadClip) as error:
                bad[index] = (error.reason, error.detail)
        if decoded:
            codes.extend(encode(decoded))
    return codes, bad


def _replace(
    stage: str,
    table: pa.Table,
    codes: list[Any],
    codebooks: Mapping[str, int],
    sizes: dict[str, list[int]],
    bad: dict[int, Reason],
) -> Outcome:
    """Replace the stage's column by codes, and drop the bad rows."""
    table, dropped = drop_rows(stage, table, bad)
    offsets = np.cumsum([0] + [len(row) for row in codes])
    values = np.concatenate(codes) if codes else np.empty(0, np.uint32)
    column = _lists(values, offsets, code_type(codebooks[stage]))
    table = table.set_column(table.column_names.index(stage), stage, column)
    for name, values_of in sizes.items():
        table = table.append_column(name, pa.array(values_of, pa.int64()))
    return Outcome(table, dropped, note={"tokens": int(offsets[-1])})
