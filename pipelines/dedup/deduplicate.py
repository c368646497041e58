"""Deduplication from rows to remaining rows.

    sign -> by key: distinct -> near-keys -> by key: pairs -> by bucket: edges -> components -> labels
         -> by group: duplicates -> by part: rows to drop

Rows are compared with rows of the same kind of sample, in the modalities that `pairs` selects. Only small tables are
shuffled; the rows themselves are not moved, and a mask marks those that are dropped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...schemas.config.dedup import Dedup, Pairs
from ...schemas.config.run import Limits
from ...schemas.config.sources import Source
from ...schemas.vocabulary import Kind, Modality
from ..engines.base import Engine
from ..engines.partition import Partition, stamp_of
from ..engines.row_mask import mask_rows
from .candidates import Key, Pair, Verify
from .clusters import Combine, DropDuplicates, Label, Resolve
from .labels import label_parts
from .protocol import NearMethod
from .sign import Distinct, Sign, near_methods

BUCKET_BYTES = 32 << 20  # size of a bucket of small tables, which is in memory at a time

Modalities = tuple[Modality, ...]
Parts = Mapping[str, Sequence[Partition]]


@dataclass(frozen=True)
class Round:
    """Rows of one kind that are compared in the same modalities: with each other and with no other rows."""

    kind: Kind
    modalities: Modalities

    @property
    def judged(self) -> str:
        """The modalities as in the ledger's `dedup-image-text`, media first."""
        return "-".join(modality.name.lower() for modality in self.modalities)


@dataclass(frozen=True)
class RoundResult:
    """Result of a round: number of compared rows, and the partitions of duplicates."""

    round: Round
    rows: int
    duplicates: tuple[Partition, ...]


def compared_modalities(source: Source, dedup: Dedup) -> list[Modalities]:
    """Return the comparisons of a source's rows, in order; a row must match in all modalities of a comparison.

    `either` compares the media, and then the text of the remaining rows.
    """
    pairs: Pairs = source.pairs or dedup.pairs
    present = [m for m in source.modality.modalities if dedup.of(m) is not None]
    media = tuple(m for m in present if m is not Modality.TEXT)
    text = tuple(m for m in present if m is Modality.TEXT)
    chosen: dict[Pairs, list[Modalities]] = {
        "media": [media],
        "text": [text],
        "both": [media + text],
        "either": [*((modality,) for modality in media), text],
    }
    return [modalities for modalities in chosen["text" if source.modality is Kind.TEXT else pairs] if modalities]


def deduplicate(
    engine: Engine, raw: Parts, sources: Sequence[Source], dedup: Dedup, limits: Limits
) -> tuple[dict[str, list[Partition]], list[RoundResult]]:
    """Drop duplicate rows.

    Args:
        engine: Runs the stages.
        raw: Partitions by source.
        sources: The sources, in the order of the run file.
        dedup: What makes two rows duplicates.
        limits: Limits for decoding images and audio.

    Returns:
        Partitions of the remaining rows by source, and the result of each round.
    """
    left = {name: list(parts) for name, parts in raw.items()}
    comparisons = {source.name: compared_modalities(source, dedup) for source in sources}
    priorities = {source.name: source.priority for source in sources}
    results = []
    for turn in range(max((len(modalities) for modalities in comparisons.values()), default=0)):
        rounds: dict[Round, list[str]] = {}
        for source in sources:
            if turn < len(comparisons[source.name]):
                rounds.setdefault(Round(source.modality, comparisons[source.name][turn]), []).append(source.name)
        for this, names in rounds.items():
            parts = [part for name in names for part in left[name]]
            labels = _labels(engine, this, parts, dedup, limits)
            duplicates = _non_empty(engine.map(Resolve(this.judged, priorities), _shuffle(engine, labels, "group")))
            results.append(RoundResult(this, sum(part.rows for part in parts), tuple(duplicates)))
            kept = _drop(engine, this, parts, duplicates)
            left |= {name: [part for part in kept if part.note["source"] == name] for name in names}
    return left, results


def _drop(engine: Engine, this: Round, parts: Sequence[Partition], duplicates: Sequence[Partition]) -> list[Partition]:
    by_part = engine.shuffle(duplicates, by="part", into=max(1, len(parts))) if duplicates and parts else []
    given = []
    for part in parts:
        mine = by_part[stamp_of(part) % len(by_part)] if by_part else None
        given.append(replace(part, beside=(mine,)) if mine and mine.rows else part)
    return _non_empty(mask_rows(engine, DropDuplicates(this.judged), given))


def _labels(engine: Engine, this: Round, parts: Sequence[Partition], dedup: Dedup, limits: Limits) -> list[Partition]:
    """Return partitions that name the cluster of every row that is in one."""
    stamped = [replace(part, stamped=True) for part in parts]
    labels = [label for modality in this.modalities for label in _label(engine, modality, stamped, dedup, limits)]
    if len(this.modalities) > 1:
        together = _shuffle(engine, labels, "id")
        labels = _non_empty(engine.map(Combine(len(this.modalities)), together))
    return labels


def _label(
    engine: Engine, modality: Modality, parts: Sequence[Partition], dedup: Dedup, limits: Limits
) -> list[Partition]:
    options = dedup.of(modality)
    assert options is not None
    signed = _non_empty(engine.map(Sign(modality, options, limits), parts))
    into = _buckets(signed)
    # empty buckets are kept, since a vertex contains the number of its bucket
    by_key = engine.shuffle(signed, by="key", into=into) if signed else []
    filled = engine.map(Distinct(into), [part for part in by_key if part.rows])
    each = iter(filled)
    distinct = [next(each) if part.rows else part for part in by_key]
    edges = [
        edge
        for number, near in enumerate(near_methods(options, limits))
        for edge in _edges(engine, near, number, distinct)
    ]
    beside = label_parts(engine, distinct, edges)
    given = [
        replace(part, beside=(beside[at],)) if at in beside else part for at, part in enumerate(distinct) if part.rows
    ]
    return _non_empty(engine.map(Label(modality), given))


def _edges(engine: Engine, near: NearMethod, number: int, distinct: Sequence[Partition]) -> list[Partition]:
    keys = engine.map(Key(near, number), [part for part in distinct if part.rows])
    pairs = engine.map(Pair(near), _shuffle(engine, keys, "key"))
    by_bucket = [part for part in engine.shuffle(pairs, by="bucket", into=len(distinct)) if part.rows] if pairs else []
    return _non_empty(engine.map(Verify(engine.store, near, number, tuple(distinct)), by_bucket))


def _shuffle(engine: Engine, parts: Sequence[Partition], by: str) -> list[Partition]:
    if not parts:
        return []
    return [part for part in engine.shuffle(parts, by=by, into=_buckets(parts)) if part.rows]


def _non_empty(parts: Sequence[Partition]) -> list[Partition]:
    return [part for part in parts if part.rows]


def _buckets(parts: Sequence[Partition]) -> int:
    size: int = sum(part.note["bytes"] for part in parts)
    return max(1, -(-size // BUCKET_BYTES))
