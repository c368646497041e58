"""A prepared dataset of random tokens, for measuring what reads it: text alone, segments of about 300 tokens."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from triptych.pipelines.pack.matrices import lists_of
from triptych.pipelines.pack.write import shard_batch, write_shard
from triptych.schemas.dataset.file_entry import ShardEntry
from triptych.schemas.dataset.packed_row import SEGMENT, SPAN, row_schema, segment_dtype
from triptych.schemas.dataset.shard_list import ShardList
from triptych.schemas.dataset.statistics import SourceStatistics, Statistics
from triptych.schemas.storage.store import Store
from triptych.schemas.vocabulary import Modality, Special, Vocabulary

from .bare_manifest import write_manifest

VOCABULARY = Vocabulary(text=32_000, image=16_384, audio=(1024,) * 4)
EACH = 315  # tokens of a segment: thirteen in a row of 4,096, and one place of padding


def write_packed(folder: Path, rows: int, row_length: int, shards: int) -> dict[str, np.ndarray]:
    """Write a dataset of `rows` rows; gives their matrices as they lie in it, shard after shard."""
    store = Store(str(folder))
    parts = [_write(store, count, row_length, number) for number, count in enumerate(_shares(rows, shards))]
    segments = rows * (row_length // EACH)
    source = SourceStatistics(kind="text", samples=segments, segments=segments, lengths={EACH: segments})
    statistics = Statistics(rows=rows, filled=segments * EACH, sources={"made": source})
    write_manifest(folder, VOCABULARY, row_length, ShardList.of(entry for entry, _ in parts), statistics)
    return {name: np.concatenate([matrices[name] for _, matrices in parts]) for name in parts[0][1]}


def linked(folder: Path, entry: ShardEntry, number: int) -> ShardEntry:
    """Another name of a shard in a dataset, by a link: a list may not name a file twice."""
    name = f"shards/{entry.group}-{number:016x}-linked.arrow"
    (folder / name).symlink_to(Path(entry.file).name)
    return entry.model_copy(update={"file": name})


def _shares(rows: int, shards: int) -> list[int]:
    shares: list[int] = np.diff(np.linspace(0, rows, shards + 1).astype(int)).tolist()
    return shares


def _write(store: Store, rows: int, row_length: int, seed: int) -> tuple[ShardEntry, dict[str, np.ndarray]]:
    draw = np.random.default_rng(seed)
    each = row_length // EACH
    place = np.arange(row_length)
    number = np.where(place < each * EACH, place // EACH + 1, 0)
    tokens = draw.integers(256, 256 + VOCABULARY.text, (rows, row_length)).astype(VOCABULARY.dtype)
    tokens[:, number == 0] = Special.PAD
    tokens[:, place[number > 0][::EACH]] = Special.TASK
    text = (number > 0) & (place % EACH > 0)
    matrices = {
        "tokens": tokens,
        "segment": np.tile(number.astype(segment_dtype(row_length)), (rows, 1)),
        "modality": np.tile(np.where(text, Modality.TEXT, Modality.SPECIAL).astype(np.uint8), (rows, 1)),
    }
    segments = rows * each
    names = pa.DictionaryArray.from_arrays(np.zeros(segments, np.int32), ["made"])
    columns = {
        field.name: names if pa.types.is_dictionary(field.type) else np.zeros(segments, np.int64) for field in SEGMENT
    }
    columns["id"] = columns["content"] = pa.array([draw.bytes(16) for _ in range(segments)], pa.binary(16))
    columns["media"] = pa.nulls(segments, pa.binary(16))
    columns |= {"start": np.tile(np.arange(each) * EACH, rows), "length": np.full(segments, EACH)}
    columns |= {"last": np.ones(segments, bool), "text_bytes": np.full(segments, 4 * EACH)}
    table = lists_of(columns, SEGMENT, np.repeat(np.arange(rows), each), rows)
    spans = pa.array([[]] * rows, pa.list_(pa.field("item", SPAN, nullable=False)))
    batch = shard_batch(row_schema(VOCABULARY, row_length, {"group": "text"}), matrices, table, spans)
    return write_shard(store, batch, "text", {"text": segments * (EACH - 1)}), matrices
