"""Deduplication from rows to remaining rows.

    sign -> by key: distinct -> near-keys -> by key: pairs -> by bucket: edges -> components -> labels
         -> by group: duplicates -> by part: rows to drop

This is described as a whole, before any of it is done.

Rows are compared with rows of the same kind of sample, in the modalities that `pairs` selects. Only small tables are
shuffled; the rows themselves are not moved, and a mask marks those that are dropped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...schemas.config.dedup import Dedup, Pairs
from ...schemas.config.run import Limits
from ...schemas.config.sources import Source
from ...schemas.storage.store import Store
from ...schemas.vocabulary import Kind, Modality
from ..engines.grown import rounded
from ..engines.partition import Partition
from ..engines.steps import Gather, Given, Map, Shuffle, Step
from .candidates import Key, Pair, Verify
from .clusters import Combine, DropDuplicates, Label, Resolve
from .labels import Components
from .sign import Distinct, Sign, near_methods

BUCKET_BYTES = 32 << 20  # size of a bucket of small tables, which is in memory at a time
# approximate bytes of a row: its signature and excerpt, or its keys, whichever take more
SIGNED_BYTES = {Modality.TEXT: 1024, Modality.IMAGE: 6144, Modality.AUDIO: 4096}
LABEL_BYTES = 512

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


def rounds(sources: Sequence[Source], dedup: Dedup) -> list[dict[Round, list[Source]]]:
    """Return the comparisons of a run by their turns: those of a turn do not depend on each other."""
    comparisons = [(source, compared_modalities(source, dedup)) for source in sources]
    turns: list[dict[Round, list[Source]]] = []
    for turn in range(max((len(modalities) for _, modalities in comparisons), default=0)):
        turns.append({})
        for source, modalities in comparisons:
            if turn < len(modalities):
                turns[-1].setdefault(Round(source.modality, modalities[turn]), []).append(source)
    return turns


@dataclass(frozen=True)
class RoundSteps:
    """Steps of a round."""

    round: Round
    rows: int
    duplicates: Map  # partitions of duplicates
    left: Mapping[str, Map]  # masks by source

    def result(self, found: Mapping[Step, Sequence[Partition]]) -> RoundResult:
        """Return the result, after an engine has carried out the steps."""
        return RoundResult(self.round, self.rows, tuple(part for part in found[self.duplicates] if part.rows))


def deduplicate(
    store: Store, this: Round, sources: Sequence[Source], raw: Parts, dedup: Dedup, limits: Limits
) -> RoundSteps:
    """Describe how duplicate rows are dropped in one round.

    Args:
        store: Where parts are committed.
        this: The round.
        sources: Its sources, in the order of the run file.
        raw: Partitions by source.
        dedup: What makes two rows duplicates.
        limits: Limits for decoding images and audio.
    """
    parts = [part for source in sources for part in raw[source.name]]
    rows = sum(part.rows for part in parts)
    priorities = {source.name: source.priority for source in sources}
    given = Given([replace(part, stamped=True) for part in parts])
    labels = tuple(_label(store, modality, given, rows, dedup, limits) for modality in this.modalities)
    if len(labels) > 1:
        labels = (Map(Combine(len(labels)), Shuffle(labels, "id", _buckets(rows, LABEL_BYTES))),)
    grouped = Shuffle(labels, "group", _buckets(rows, LABEL_BYTES))
    duplicates = Map(Resolve(this.judged, priorities), grouped)
    by_part = Shuffle((duplicates,), "part", rounded(max(1, len(parts))))
    drop = DropDuplicates(this.judged)
    left = {
        source.name: Map(drop, Given(raw[source.name]), masks=True, beside=by_part, stamped=True) for source in sources
    }
    return RoundSteps(this, rows, duplicates, left)


def _label(store: Store, modality: Modality, rows_of: Given, rows: int, dedup: Dedup, limits: Limits) -> Map:
    """Describe the partitions that name the cluster of every row that is in one."""
    options = dedup.of(modality)
    assert options is not None
    into = _buckets(rows, SIGNED_BYTES[modality])
    by_key = Shuffle((Map(Sign(modality, options, limits), rows_of),), "key", into)
    distinct = Map(Distinct(into), by_key)
    edges = []
    for number, near in enumerate(near_methods(options, limits)):
        pairs = Map(Pair(near), Shuffle((Map(Key(near, number), distinct),), "key", into))
        by_bucket = Shuffle((pairs,), "bucket", into)
        edges.append(Map(Verify(store, near, number, by_key.origin, into), by_bucket))
    if not edges:
        return Map(Label(modality), distinct)
    return Map(Label(modality), distinct, beside=Gather(Components(store), (distinct, *edges), into))


def _buckets(rows: int, row_bytes: int) -> int:
    """Return the number of buckets of a shuffle; it follows from the rows alone, so it is known before any is read."""
    return rounded(max(1, -(-rows * row_bytes // BUCKET_BYTES)))
