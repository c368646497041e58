"""Writes a finished dataset without some of its documents: shards, lists and manifest, beside the old ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...schemas.dataset.duplicates import DUPLICATES, DUPLICATES_FILE
from ...schemas.dataset.file_entry import FileEntry, ShardEntry
from ...schemas.dataset.layout import as_mask
from ...schemas.dataset.ledger import Tally
from ...schemas.dataset.reader import Dataset, Shard
from ...schemas.dataset.shard_list import ShardList
from ...schemas.dataset.statistics import SourceStatistics, Statistics, codebook_uses, merge_statistics
from ...schemas.dataset.tables import DROPPED
from ...schemas.errors import Refusal
from ...schemas.identity import stream_fingerprint
from ...schemas.storage.store import Store
from ..dropped_rows import DROPPED_FILE, with_schema
from ..filters.taken_down import STAGE
from ..inspection.recount_statistics import CODED, recount, tokens_by_segment
from ..pack.write import write_shard
from ..row_list import together, write_list
from .clusters import forget_excerpts, without_excerpts
from .remove_segments import without_segments

DOCUMENTS = pa.schema(
    [
        pa.field("id", pa.binary(16)),
        pa.field("source", pa.string()),
        pa.field("file", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("tokens", pa.int64()),
    ]
)


@dataclass(frozen=True)
class RewrittenShard:
    """A shard from which documents were removed."""

    old: ShardEntry
    new: ShardEntry | None  # None if nothing was left
    documents: pa.Table  # DOCUMENTS, one row per document


def pieces_of(dataset: Dataset, entry: FileEntry, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Read a list of the dataset piece by piece; raises Refusal when its checksum differs from the manifest."""
    _require_intact(dataset, entry)
    with dataset.fs.open(dataset.path(entry), "rb") as stream:
        for batch in pq.ParquetFile(stream).iter_batches(columns=columns):
            yield pa.Table.from_batches([batch])


def _require_intact(dataset: Dataset, entry: FileEntry) -> None:
    path = dataset.path(entry)
    found = None
    if dataset.fs.exists(path):
        with dataset.fs.open(path, "rb") as stream:
            found = stream_fingerprint(stream)
    if found != entry.xxh3:
        raise Refusal(
            f"{dataset.url}/{entry.file}: its checksum differs from the manifest, so a new manifest cannot confirm it. "
            "Prepare the dataset again.",
            exit_code=1,
        )


def ids_in(shard: Shard, wanted: pa.Array) -> pa.Array:
    """Return those of `wanted` that have a segment in the shard."""
    return ids_among(shard.batch.column("segments").flatten().field("id"), wanted)


def ids_among(ids: pa.Array, wanted: pa.Array) -> pa.Array:
    """Return those of `wanted` that are among `ids`, each once."""
    return ids.filter(pc.is_in(ids, value_set=wanted)).unique()


def rewrite(store: Store, below: str, dataset: Dataset, holding: Sequence[str], ids: pa.Array) -> list[RewrittenShard]:
    """Write all files that change when documents are removed, the manifest last.

    Args:
        store: The dataset's store.
        below: Folder of the store for the new files.
        dataset: The dataset.
        holding: Files of the shards with segments of `ids`.
        ids: The documents to remove.
    """
    old = dataset.manifest
    cuts = [_cut(store, below, dataset, entry, ids) for entry in old.shards if entry.file in holding]
    after = {cut.old.file: cut.new for cut in cuts}
    shards = ShardList.of(new for entry in old.shards if (new := after.get(entry.file, entry)) is not None)
    documents = pa.concat_tables([DOCUMENTS.empty_table(), *(cut.documents for cut in cuts)])
    documents = documents.sort_by([(name, "ascending") for name in ("source", "file", "row")])
    dropped = _write_dropped(store, below, dataset, documents)
    clusters = without_excerpts(pieces_of(dataset, old.duplicates), ids)
    duplicates = write_list(store, below + DUPLICATES_FILE, DUPLICATES_FILE, DUPLICATES, together(clusters))
    new_files = {entry.file for entry in after.values() if entry is not None}

    def opened() -> Iterator[Shard]:
        for entry in shards:
            yield Shard(store.open_arrow(below + entry.file)) if entry.file in new_files else dataset.open(entry)

    counted = merge_statistics(recount(shard, old.vocabulary) for shard in opened())
    manifest = old.model_copy(
        update={
            "shards": shards,
            "dropped": dropped,
            "duplicates": duplicates,
            "dedup": forget_excerpts(pieces_of(dataset, old.duplicates), old.dedup, ids),
            "ledger": tuple(_ledger(old.ledger, documents)),
            "statistics": _statistics(old.statistics, counted),
            "codebooks": codebook_uses(counted.codebooks, old.vocabulary),
        }
    ).sealed()
    for name, data in manifest.files().items():
        store.write(below + name, data)
    return cuts


def _cut(store: Store, below: str, dataset: Dataset, entry: ShardEntry, ids: pa.Array) -> RewrittenShard:
    _require_intact(dataset, entry)
    shard = dataset.open(entry)
    segments = shard.batch.column("segments").flatten()
    gone = as_mask(pc.is_in(segments.field("id"), value_set=ids))
    tokens = np.maximum(tokens_by_segment(shard), 0)
    left = {m.name.lower(): int(count) for m, count in zip(CODED, tokens[~gone].sum(0), strict=True) if count}
    batch = without_segments(shard, gone)
    new = write_shard(store, batch, entry.group, left, below) if batch.num_rows else None
    columns = {name: segments.field(name).cast(DOCUMENTS.field(name).type) for name in DOCUMENTS.names[:-1]}
    pieces = pa.table(columns | {"tokens": tokens.sum(1)}).filter(pa.array(gone))
    documents = pieces.group_by(DOCUMENTS.names[:-1], use_threads=False).aggregate([("tokens", "sum")])
    return RewrittenShard(
        entry, new, documents.rename_columns({"tokens_sum": "tokens"}).select(DOCUMENTS.names).cast(DOCUMENTS)
    )


def _write_dropped(store: Store, below: str, dataset: Dataset, documents: pa.Table) -> FileEntry:
    """Write the list of dropped rows, and the documents that are removed after it."""
    lines = {name: documents[name] for name in ("source", "file", "row")}
    lines |= {name: pa.repeat(STAGE, len(documents)) for name in ("stage", "reason")}
    lines["detail"] = pa.array([each.hex() for each in documents["id"].to_pylist()], pa.string())
    removed = pa.table({name: lines[name] for name in DROPPED.names}, schema=DROPPED)
    entry = dataset.manifest.dropped
    with dataset.fs.open(dataset.path(entry), "rb") as stream:
        schema = pq.read_schema(stream).remove_metadata()
    tables = chain(pieces_of(dataset, entry), [with_schema(removed, schema)])
    return write_list(store, below + DROPPED_FILE, DROPPED_FILE, schema, together(tables))


def _ledger(ledger: Sequence[Tally], documents: pa.Table) -> Iterator[Tally]:
    """Extend the ledger: sources that lost documents get a last stage, or larger counts if they already have it."""
    sums = documents.group_by("source", use_threads=False).aggregate([([], "count_all"), ("tokens", "sum")])
    lost = {line["source"]: (line["count_all"], line["tokens_sum"]) for line in sums.to_pylist()}
    last = {tally.source: tally for tally in ledger}
    for tally in ledger:
        rows, tokens = lost.get(tally.source, (0, 0))
        if tally is not last[tally.source] or not rows:
            yield tally
            continue
        before = (0, 0)
        if tally.stage == STAGE:
            before = (tally.dropped[STAGE], tally.tokens_dropped[STAGE])
        else:
            yield tally
        yield Tally(
            stage=STAGE,
            source=tally.source,
            rows_in=tally.kept + before[0],
            kept=tally.kept - rows,
            dropped={STAGE: before[0] + rows},
            tokens_in=tally.tokens_kept + before[1],
            tokens_kept=tally.tokens_kept - tokens,
            tokens_dropped={STAGE: before[1] + tokens},
        )


def _statistics(old: Statistics, counted: Statistics) -> Statistics:
    """Combine the new counts with what is in no shard: pairs that were too long, and sources without segments."""
    sources = {}
    for name, source in old.sources.items():
        found = counted.sources.get(name, SourceStatistics(kind=source.kind))
        sources[name] = found.model_copy(update={"too_long": source.too_long})
    return counted.model_copy(update={"sources": sources, "codebooks": {}})
