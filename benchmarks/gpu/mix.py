"""Prepared datasets of random codes with the lengths of real data, packed by the pipeline's own functions.

Lengths follow the real corpora of benchmarks/corpora with the tokenizers of docs/benchmarks.md: texts of 380 tokens on
average, most of them shorter; pictures of 256 codes with captions of a few words; spoken prompts of 2.6 seconds on
average at 200 codes a second (4 codebooks, 50 frames), with what is said in them.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from triptych.pipelines.pack.best_fit import best_fit_decreasing
from triptych.pipelines.pack.matrices import fill, place, segment_lists, span_lists
from triptych.pipelines.pack.segments import Segments, code_tokens, split_samples
from triptych.pipelines.pack.write import shard_batch, write_shard
from triptych.schemas.dataset.file_entry import ShardEntry
from triptych.schemas.dataset.layout import sample_table
from triptych.schemas.dataset.packed_row import row_schema
from triptych.schemas.dataset.shard_list import ShardList
from triptych.schemas.dataset.statistics import SourceStatistics, Statistics, merge_statistics
from triptych.schemas.storage.store import Store
from triptych.schemas.vocabulary import Kind, Modality, Vocabulary

from ..bare_manifest import write_manifest

VOCABULARY = Vocabulary(text=32_000, image=16_384, audio=(1024,) * 4)
PICTURE = 256  # codes of a picture
KINDS = (Kind.TEXT, Kind.IMAGE_TEXT, Kind.AUDIO_TEXT)
WEIGHTS = {Kind.TEXT: 0.2, Kind.IMAGE_TEXT: 0.4, Kind.AUDIO_TEXT: 0.4}  # of tokens, as in the README's train file

Ints = npt.NDArray[np.int64]


class Part(NamedTuple):
    """A shard and what its manifest says of it."""

    entry: ShardEntry
    statistics: Statistics


def write_mix(folder: Path, rows: int, row_length: int, *, packed: bool = True) -> Path:
    """Write a dataset with samples of three kinds.

    Args:
        folder: Folder of the dataset, which is made.
        rows: Packed rows that the samples of each kind fill, about; the last one is not full.
        row_length: Tokens of a row, at least 512.
        packed: False: each sample has a row of its own, padded to the end.
    """
    folder.mkdir(parents=True)
    store = Store(str(folder))
    parts = [_write(store, kind, rows * row_length, row_length, packed) for kind in KINDS]
    shards, statistics = ShardList.of(part.entry for part in parts), merge_statistics(part.statistics for part in parts)
    write_manifest(folder, VOCABULARY, row_length, shards, statistics)
    return folder


def _write(store: Store, kind: Kind, tokens: int, row_length: int, packed: bool) -> Part:
    """Write a shard with samples of a kind that have about so many tokens."""
    samples = made_samples(kind, tokens, row_length)
    segments = split_samples(samples, row_length)
    row, start, rows = best_fit_decreasing(segments.length, row_length) if packed else _each_alone(segments)
    placed = place(segments, row, start, rows)
    matrices, spans = fill(samples, placed, VOCABULARY, row_length)
    schema = row_schema(VOCABULARY, row_length, {"group": str(kind)})
    tables = segment_lists(samples, placed, segments.length), span_lists(spans, placed)
    codes = {each.name.lower(): int(code_tokens(samples, each).sum()) for each in kind.modalities}
    entry = write_shard(store, shard_batch(schema, matrices, *tables), str(kind), codes)
    source = SourceStatistics(
        kind=str(kind),
        samples=samples.num_rows,
        segments=len(segments.length),
        tokens=codes,
        lengths=dict(Counter(segments.length.tolist())),
    )
    return Part(entry, Statistics(rows=rows, filled=int(segments.length.sum()), sources={str(kind): source}))


def _each_alone(segments: Segments) -> tuple[Ints, Ints, int]:
    count = len(segments.length)
    return np.arange(count), np.zeros(count, np.int64), count


def made_samples(kind: Kind, tokens: int, row_length: int) -> pa.Table:
    """Samples of a kind with random codes, none longer than a row, about so many tokens in all."""
    draw = np.random.default_rng(list(KINDS).index(kind))
    count = 16 + tokens // 64  # more than are needed
    captions = draw.integers(5, 25, count)
    longest = row_length - 40  # of a text or a clip, so that a caption and what frames it find room
    lengths: dict[Modality, Ints] = {
        Kind.TEXT: {Modality.TEXT: np.clip(draw.lognormal(5.4, 1.05, count), 8, longest).astype(np.int64)},
        Kind.IMAGE_TEXT: {Modality.TEXT: captions, Modality.IMAGE: np.full(count, PICTURE)},
        Kind.AUDIO_TEXT: {
            Modality.TEXT: captions,
            Modality.AUDIO: 4 * (np.clip(draw.gamma(2, 260, count), 80, longest).astype(np.int64) // 4),
        },
    }[kind]
    needed = np.searchsorted(np.cumsum(sum(lengths.values())), tokens) + 1
    codes = {modality: _codes(draw, modality, each[:needed].tolist()) for modality, each in lengths.items()}
    sizes = {"text": VOCABULARY.text, "image": VOCABULARY.image, "audio": max(VOCABULARY.audio)}
    ids = [draw.bytes(16) for _ in range(needed)]
    table = sample_table([kind] * int(needed), codes, sizes, ids)
    at = table.schema.get_field_index("source")
    return table.set_column(at, table.schema.field(at), pa.array([str(kind)] * int(needed))).combine_chunks()


def _codes(draw: np.random.Generator, modality: Modality, lengths: list[int]) -> list[list[int] | None]:
    size = {Modality.TEXT: VOCABULARY.text, Modality.IMAGE: VOCABULARY.image}.get(modality, VOCABULARY.audio[0])
    return [draw.integers(0, size, length).tolist() for length in lengths]
