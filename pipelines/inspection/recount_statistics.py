"""Computes a dataset's statistics from its shards, which `verify` compares with the manifest."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.dataset.layout import TASK_SLOT
from ...schemas.dataset.manifest import Manifest
from ...schemas.dataset.reader import Shard
from ...schemas.dataset.statistics import SourceStatistics, Statistics, codebook_uses, count_codes, count_licenses
from ...schemas.vocabulary import Kind, Modality, Vocabulary

Ints = npt.NDArray[np.int64]
CODED = (Modality.TEXT, Modality.IMAGE, Modality.AUDIO)
PERPLEXITY_SLACK = 0.02  # the manifest rounds to two digits, and logarithms may differ in the last bit


def entries_of(lists: pa.ListArray) -> tuple[Ints, Ints]:
    """Index the entries of a list column.

    Returns:
        (entries,) row of each entry, and (entries,) number of entries before the first entry of that row.
    """
    offsets = lists.offsets.to_numpy().astype(np.int64)
    counts = np.diff(offsets)
    return np.repeat(np.arange(len(counts)), counts), np.repeat(offsets[:-1], counts)


def field_of(lists: pa.ListArray, name: str) -> Ints:
    """Return an integer field of all entries of a list column."""
    values: Ints = lists.flatten().field(name).to_numpy(zero_copy_only=False).astype(np.int64)
    return values


def tokens_by_segment(shard: Shard) -> Ints:
    """Return (segments, modalities) numbers of codes, -1 where a segment has no span of the modality."""
    spans, segments = (shard.batch.column(name) for name in ("spans", "segments"))
    row, _ = entries_of(spans)
    owner = segments.offsets.to_numpy().astype(np.int64)[row] + field_of(spans, "segment") - 1
    counts = np.full((len(segments.flatten()), len(CODED) + 1), -1, np.int64)
    counts[owner, field_of(spans, "modality")] = field_of(spans, "length")
    return counts[:, 1:]


def recount(shard: Shard, vocabulary: Vocabulary) -> Statistics:
    """Compute the statistics of one shard; pairs that were too long for a row are not in it."""
    segments = shard.batch.column("segments")
    names = segments.flatten().field("source")
    sources, index = names.dictionary.to_pylist(), names.indices.to_numpy()
    fields = {name: field_of(segments, name) for name in ("kind", "length", "last", "text_bytes", "pixels", "samples")}
    licenses = segments.flatten().field("license").cast(pa.string())
    tokens = np.maximum(tokens_by_segment(shard), 0)
    found = {}
    for number in np.unique(index).tolist():
        mine = index == number
        sums = {name: int(values[mine].sum()) for name, values in fields.items()}
        lengths, counts = np.unique(fields["length"][mine], return_counts=True)
        by_modality = dict(zip((m.name.lower() for m in CODED), tokens[mine].sum(0).tolist(), strict=True))
        found[sources[number]] = SourceStatistics(
            kind=list(Kind)[int(fields["kind"][mine][0])],
            samples=sums["last"],
            segments=int(mine.sum()),
            tokens={name: count for name, count in by_modality.items() if count},
            text_bytes=sums["text_bytes"],
            pixels=sums["pixels"],
            audio_samples=sums["samples"],
            licenses=count_licenses(
                licenses.filter(pa.array(mine)), np.ones(mine.sum(), np.int64), tokens[mine].sum(1)
            ),
            lengths=dict(zip(lengths.tolist(), counts.tolist(), strict=True)),
        )
    codes = count_codes(shard.matrix("tokens"), vocabulary)
    return Statistics(rows=shard.rows, filled=int(fields["length"].sum()), sources=found, codebooks=codes)


def check_documents(shard: Shard) -> Iterator[str]:
    """Yield problems of segments as parts of documents: wrong spans for the kind, pieces that do not join."""
    segments = shard.batch.column("segments")
    kinds = np.array([[modality in kind.modalities for modality in CODED] for kind in Kind])
    kind = field_of(segments, "kind")
    if (kind >= len(kinds)).any() or not np.array_equal(tokens_by_segment(shard) >= 0, kinds[kind]):
        yield "a segment does not have the spans of its kind"
    offset, length, last = (field_of(segments, name) for name in ("offset", "length", "last"))
    document = segments.flatten().field("id").dictionary_encode().indices.to_numpy()
    order = np.lexsort((offset, document))
    document, offset, length, last = document[order], offset[order], length[order], last[order]
    ends = np.append(document[1:] != document[:-1], True)
    expected = np.append(0, np.where(ends, 0, offset + length - TASK_SLOT)[:-1])
    if not np.array_equal(offset, expected) or not np.array_equal(last != 0, ends):
        yield "the pieces of a split text do not join"


def check_statistics(manifest: Manifest, found: Statistics) -> Iterator[str]:
    """Yield where the statistics of a manifest differ from those of its shards."""
    listed = manifest.statistics
    yield from _differences("statistics", {"rows": listed.rows, "filled": listed.filled}, found.model_dump())
    empty = SourceStatistics(kind="")
    for name in sorted({*listed.sources, *found.sources}):
        expected, actual = listed.sources.get(name, empty), found.sources.get(name, empty)
        skipped = {"too_long"} if actual.segments else {"too_long", "kind"}
        yield from _differences(f"source {name}", expected.model_dump(exclude=skipped), actual.model_dump())
    uses = codebook_uses(found.codebooks, manifest.vocabulary)
    if set(uses) != set(manifest.codebooks):
        yield f"codebooks are {sorted(manifest.codebooks)}, the vocabulary has {sorted(uses)}"
        return
    for name, use in uses.items():
        body = manifest.codebooks[name].model_dump()
        if abs(body.pop("perplexity") - use.perplexity) > PERPLEXITY_SLACK:
            yield f"codebook {name}: perplexity differs from that of the shards, {use.perplexity}"
        yield from _differences(f"codebook {name}", body, use.model_dump())


def _differences(where: str, listed: Mapping[str, object], found: Mapping[str, object]) -> Iterator[str]:
    for key, value in listed.items():
        if value != found[key]:
            yield f"{where}: {key} differs from that of the shards ({_short(value)}, they have {_short(found[key])})"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"
