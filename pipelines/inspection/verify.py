"""Checks a finished dataset against its manifest, so that a changed byte anywhere is found.

Checksums find changed files. The other checks find what a bug might have written under a correct checksum: tokens
outside the id range of their position's modality, spans and segments that disagree with the token-level columns, a
ledger that does not balance, statistics that differ from the shards.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.dataset.dropped_lines import row_counts
from ...schemas.dataset.duplicates import DUPLICATES_FILE
from ...schemas.dataset.file_entry import FileEntry, ShardEntry
from ...schemas.dataset.layout import TASK_SLOT, ragged
from ...schemas.dataset.ledger import check_ledger
from ...schemas.dataset.manifest import RUN_REPORT, Manifest
from ...schemas.dataset.reader import Dataset, Shard
from ...schemas.dataset.shard_list_file import SHARD_LIST
from ...schemas.dataset.statistics import merge_statistics
from ...schemas.dataset.tokenizer_card import vocabulary_of
from ...schemas.errors import Refusal
from ...schemas.identity import stream_fingerprint, unseal
from ...schemas.storage.store import Store
from ...schemas.vocabulary import Modality, Special, Vocabulary
from ..dropped_rows import DROPPED_FILE
from .clusters import check_clusters
from .recount_statistics import Ints, check_documents, check_statistics, entries_of, field_of, recount
from .verify_inputs import changed_sources

MARKS = (Special.PAD, Special.TASK, Special.BOI, Special.EOI, Special.BOA, Special.EOA)


@dataclass(frozen=True)
class Finding:
    """A difference from the manifest."""

    file: str
    problem: str


def verify(url: str, deep: bool = False) -> tuple[Dataset, list[Finding]]:
    """Check a dataset.

    Args:
        url: URL of the dataset.
        deep: Read its sources, too, and compare their content with what the dataset was prepared from.

    Returns:
        The dataset and all findings.

    Raises:
        Refusal: There is no readable manifest, or nothing says where the sources are.
    """
    dataset = Dataset(url)
    findings = list(_findings(dataset))
    if deep:
        findings += [Finding(f"source {name}", problem) for name, problem in changed_sources(dataset)]
    return dataset, findings


def _findings(dataset: Dataset) -> Iterator[Finding]:
    manifest = dataset.manifest
    changed = set()
    others = [file for tokenizer in manifest.tokenizers.values() for file in tokenizer.files]
    for entry in chain(manifest.shards, [manifest.dropped, manifest.duplicates], others):
        for problem in _checksum(dataset, entry):
            changed.add(entry.file)
            yield Finding(entry.file, problem)
    yield from _unlisted(dataset, {*manifest.shards.files.to_pylist(), *(entry.file for entry in others)})
    try:
        check_ledger(manifest.ledger)
    except Refusal as refusal:
        yield Finding("manifest.json", str(refusal))
    yield from (Finding("manifest.json", problem) for problem in _totals(dataset))
    if DROPPED_FILE not in changed:
        yield from (Finding(DROPPED_FILE, problem) for problem in _dropped(dataset))
    if DUPLICATES_FILE not in changed:
        with dataset.fs.open(f"{dataset.root}/{DUPLICATES_FILE}", "rb") as stream:
            listed = pq.ParquetFile(stream)
            wrong = check_clusters(manifest, listed.schema_arrow, _pieces(listed))
            yield from (Finding(DUPLICATES_FILE, problem) for problem in wrong)
    intact = True
    for shard in manifest.shards:
        problems = ["changed"] if shard.file in changed else list(check_shard(dataset, shard))
        intact = intact and not problems
        if shard.file not in changed:
            yield from (Finding(shard.file, problem) for problem in problems)
    if intact:  # otherwise the statistics of the shards mean nothing
        parts = (recount(dataset.open(shard), manifest.vocabulary) for shard in manifest.shards)
        problems = list(check_statistics(manifest, merge_statistics(parts)))
        yield from (Finding("manifest.json", problem) for problem in problems)


def _unlisted(dataset: Dataset, listed: set[str]) -> Iterator[Finding]:
    """Yield files that are not in the manifest, and a run report that was changed."""
    store = Store(dataset.url)
    beside = [SHARD_LIST] if dataset.manifest.shard_list is None and store.exists(SHARD_LIST) else []
    for name in [*store.names("shards"), *store.names("tokenizers"), *beside]:
        if name not in listed:
            yield Finding(name, "is not in the manifest")
    if store.exists(RUN_REPORT):
        try:
            unseal(store.read(RUN_REPORT))
        except ValueError as error:
            yield Finding(RUN_REPORT, str(error))


def _checksum(dataset: Dataset, entry: FileEntry) -> Iterator[str]:
    try:
        with dataset.fs.open(dataset.path(entry), "rb") as stream:
            found = stream_fingerprint(stream)
    except FileNotFoundError:
        yield "missing"
        return
    if found != entry.xxh3:
        yield f"xxh3 is {found}, the manifest says {entry.xxh3}"


def _totals(dataset: Dataset) -> Iterator[str]:
    manifest, statistics = dataset.manifest, dataset.manifest.statistics
    cards = {Modality[name.upper()]: entry.card for name, entry in manifest.tokenizers.items()}
    if vocabulary_of(cards).fingerprint != manifest.vocabulary_fingerprint:
        yield "the vocabulary does not match the tokenizers"
    rows, tokens = manifest.shards.total_rows, Counter(manifest.shards.total_tokens)
    if rows != statistics.rows:
        yield f"shards have {rows} rows, the statistics {statistics.rows}"
    counted: Counter[str] = Counter()
    for source in statistics.sources.values():
        counted.update(source.tokens)
    if tokens != counted:
        yield f"shards have {dict(tokens)} tokens, the statistics {dict(counted)}"
    last = {tally.source: tally for tally in manifest.ledger}
    kept = sum(tally.tokens_kept for tally in last.values())
    if kept != sum(tokens.values()):
        yield f"shards have {sum(tokens.values())} tokens, the ledger kept {kept}"


def _pieces(listed: pq.ParquetFile) -> Iterator[pa.Table]:
    return (pa.Table.from_batches([batch]) for batch in listed.iter_batches())


def _dropped(dataset: Dataset) -> Iterator[str]:
    found: Counter[Any] = Counter()
    with dataset.fs.open(f"{dataset.root}/{DROPPED_FILE}", "rb") as stream:
        for lines in _pieces(pq.ParquetFile(stream)):
            table = lines.select(["stage", "source", "reason"]).append_column("rows", pa.array(row_counts(lines)))
            for each in table.group_by(["stage", "source", "reason"]).aggregate([("rows", "sum")]).to_pylist():
                found[each["stage"], each["source"], each["reason"]] += each["rows_sum"]
    ledger: Counter[Any] = Counter()
    for tally in dataset.manifest.ledger:
        ledger.update({(tally.stage, tally.source, reason): count for reason, count in tally.dropped.items()})
    for key in sorted(set(found) | set(ledger)):
        if found[key] != ledger[key]:
            yield f"{'/'.join(key)}: {found[key]} rows are listed, the ledger counts {ledger[key]}"


def check_shard(dataset: Dataset, entry: ShardEntry) -> Iterator[str]:
    """Yield the problems of one shard: its contract, token ranges, segments, spans and counts."""
    manifest = dataset.manifest
    shard = dataset.open(entry)
    if shard.contract["row_length"] != manifest.row_length or shard.rows != entry.rows:
        yield f"has {shard.rows} rows of {shard.contract['row_length']}, not {entry.rows} of {manifest.row_length}"
        return
    yield from _check_tokens(shard, manifest.vocabulary)
    problems = list(_check_tables(shard, entry, manifest))
    yield from problems
    if not problems:  # documents are derived from spans, so these must be correct
        yield from check_documents(shard)


def _check_tokens(shard: Shard, vocabulary: Vocabulary) -> Iterator[str]:
    # in blocks of rows, so that memory does not grow with the shard
    for start in range(0, shard.rows, 1024):
        tokens, segment, modality = (
            shard.matrix(name)[start : start + 1024] for name in ("tokens", "segment", "modality")
        )
        if int(tokens.max()) >= vocabulary.size:
            yield f"rows from {start}: a token is outside the vocabulary of {vocabulary.size}"
            return
        owner = vocabulary.modality_of(tokens)
        fits = (owner == modality) | ((tokens == Special.EOS) & (modality == Modality.TEXT))
        fits &= (owner != Modality.SPECIAL) | (modality == Modality.TEXT) | np.isin(tokens, MARKS)
        fits &= (segment == 0) == (tokens == Special.PAD)
        if not fits.all():
            row, column = np.argwhere(~fits)[0].tolist()
            yield (
                f"row {start + row}, position {column}: token {tokens[row, column]} does not fit modality "
                f"{modality[row, column]} in segment {segment[row, column]}"
            )
            return


def _check_tables(shard: Shard, entry: ShardEntry, manifest: Manifest) -> Iterator[str]:
    row_length = manifest.row_length
    segments, spans = (shard.batch.column(name) for name in ("segments", "spans"))
    row, first = entries_of(segments)
    start, length = (field_of(segments, name) for name in ("start", "length"))
    number = np.arange(len(row)) - first + 1
    column = shard.matrix("segment").reshape(-1)
    if (length < 1).any() or (start < 0).any() or (start + length > row_length).any():
        yield "a segment extends beyond its row"
        return
    positions = ragged(row * row_length + start, length)
    # as many positions as the column has, each with its segment's number: so none overlap and none is missing
    if len(positions) != np.count_nonzero(column) or not np.array_equal(column[positions], np.repeat(number, length)):
        yield "the segment table disagrees with the segment column"
    if (shard.matrix("tokens").reshape(-1)[row * row_length + start] != Special.TASK).any():
        yield "a segment does not open with a task slot"
    yield from _check_spans(shard, entry, spans, manifest)


def _check_spans(shard: Shard, entry: ShardEntry, spans: pa.ListArray, manifest: Manifest) -> Iterator[str]:
    row_length = manifest.row_length
    row, _ = entries_of(spans)
    segment, modality, start, length = (field_of(spans, name) for name in ("segment", "modality", "start", "length"))
    if (length < 0).any() or (start < TASK_SLOT).any() or (start + length > row_length).any():
        yield "a span extends beyond its row"
        return
    positions = ragged(row * row_length + start, length)
    if not np.array_equal(shard.matrix("segment").reshape(-1)[positions], np.repeat(segment, length)):
        yield "a span lies outside its segment"
    column, tokens = shard.matrix("modality").reshape(-1), shard.matrix("tokens").reshape(-1)
    if not np.array_equal(column[positions], np.repeat(modality, length)):
        yield "the span table disagrees with the modality column"
    codes = (column != Modality.SPECIAL) & (tokens != Special.EOS)
    if int(codes.sum()) != len(positions):
        yield f"{int(codes.sum())} tokens are codes, the spans hold {len(positions)}"
    clips = modality == Modality.AUDIO
    if not _levels_follow(tokens, row[clips] * row_length + start[clips], length[clips], manifest.vocabulary):
        yield "a clip's codes are not ordered by frame with each level from its own codebook"
    counts = {m.name.lower(): int(length[modality == m].sum()) for m in Modality if m is not Modality.SPECIAL}
    if {name: count for name, count in counts.items() if count} != entry.tokens:
        yield f"spans hold {counts} tokens, the manifest says {entry.tokens}"


def _levels_follow(tokens: npt.NDArray[np.unsignedinteger], start: Ints, length: Ints, vocabulary: Vocabulary) -> bool:
    levels = len(vocabulary.audio)
    if not length.size:
        return True
    if not levels or (length % levels).any():
        return False
    level = ragged(np.zeros(len(length), np.int64), length) % levels
    codes = tokens[ragged(start, length)].astype(np.int64) - vocabulary.audio_offsets(levels)[level]
    return bool(((codes >= 0) & (codes < np.array(vocabulary.audio)[level])).all())
