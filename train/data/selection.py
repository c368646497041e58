"""Select the rows of a mix entry: whole groups of a prepared dataset, so that no row has to be inspected."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from ...schemas.config.mix import MixEntry
from ...schemas.dataset.manifest import Manifest
from ...schemas.dataset.shard_list import Ints, ShardList
from ...schemas.errors import Refusal


@dataclass(frozen=True)
class MixComponent:
    """The rows of one group of one dataset, which are shuffled together and have one share of the mix."""

    entry: int  # number of the mix entry
    dataset: int  # index into the plan's datasets
    fingerprint: str  # fingerprint of the dataset
    group: str
    sources: tuple[str, ...]
    shards: ShardList
    tokens: int  # tokens of all segments; the rest of the rows is padding
    codes: dict[str, int]  # number of codes by modality

    @property
    def key(self) -> str:
        """Its name in the state of a run: dataset and group."""
        return f"{self.fingerprint}/{self.group}"

    @cached_property
    def rows(self) -> int:
        """Number of packed rows."""
        return self.shards.total_rows


def with_rows(shards: ShardList, group: str) -> Ints:
    """Return the numbers of the shards of a group that have rows: those of its component, in their order."""
    numbers = shards.numbers_of(group)
    return numbers[shards.rows[numbers] > 0]


def components_of(entry: MixEntry, manifest: Manifest, *, number: int, dataset: int) -> list[MixComponent]:
    """The groups that a mix entry selects from a dataset.

    Args:
        entry: Entry of the mix.
        manifest: Manifest of its dataset.
        number: Number of the entry in the mix.
        dataset: Index of the dataset in the plan.

    Raises:
        Refusal: If the entry selects nothing, or only part of the rows of a group; packed rows are selected whole.
    """
    chosen = [group for group in manifest.groups.items() if _selects(entry, manifest, *group)]
    streams = []
    for group, sources in chosen:
        shards = manifest.shards.take(with_rows(manifest.shards, group))
        counts = [manifest.statistics.sources[source] for source in sources]
        tokens = sum(length * segments for count in counts for length, segments in count.lengths.items())
        codes: Counter[str] = Counter()
        for count in counts:
            codes.update(count.tokens)
        fingerprint = manifest.fingerprint
        if len(shards):
            streams.append(MixComponent(number, dataset, fingerprint, group, sources, shards, tokens, dict(codes)))
    if not streams:
        kinds = sorted({source.kind for source in manifest.statistics.sources.values()})
        raise Refusal(
            f"{entry.path}: no row matches {_wanted(entry)}. The dataset holds {', '.join(kinds)}; change the entry."
        )
    return streams


def _selects(entry: MixEntry, manifest: Manifest, group: str, sources: tuple[str, ...]) -> bool:
    there = manifest.statistics.sources
    if unknown := sorted(set(entry.sources or ()) - set(there)):
        raise Refusal(f"{entry.path}: has no source `{unknown[0]}`; it has {', '.join(there)}. Change `sources`.")
    wanted = [
        (entry.modality is None or there[source].kind == entry.modality)
        and (entry.sources is None or source in entry.sources)
        for source in sources
    ]
    if any(wanted) and not all(wanted):
        by = "modality" if group == "mixed" and entry.sources is None else "source"
        raise Refusal(
            f"{entry.path}: rows of `{group}` hold {' and '.join(sources)} together, so {_wanted(entry)} cannot be "
            f"selected alone. Prepare the dataset with `pack: {{group_by: {by}}}`, or take all of `{group}`."
        )
    return all(wanted)


def _wanted(entry: MixEntry) -> str:
    parts = [f"`modality: {entry.modality}`"] if entry.modality else []
    parts += [f"`sources: [{', '.join(entry.sources)}]`"] if entry.sources else []
    return " and ".join(parts) or "the entry"
