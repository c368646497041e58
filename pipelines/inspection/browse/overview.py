"""The first page of a dataset: totals, shares, packing, lengths and codebooks, from the manifest alone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....schemas.dataset.manifest import Manifest
from ....schemas.dataset.reader import fill
from ....schemas.dataset.statistics import SourceStatistics, percentiles
from ..fill_bound import fill_bound
from ..stats import advice
from .browsed import BrowsedDataset

MODALITIES = ("text", "image", "audio")
BINS = 36
BALANCED, UNEVEN = 0.5, 0.2  # perplexity over size from which on a learned codebook is called so
FEW_DEAD, MANY_DEAD = 0.05, 0.25


@dataclass(frozen=True)
class Share:
    """One bar of a group: what it counts, and its tokens by modality."""

    name: str
    documents: int
    tokens: dict[str, int]
    share: float  # of all tokens

    @property
    def total(self) -> int:
        """Tokens of all modalities."""
        return sum(self.tokens.values())


@dataclass(frozen=True)
class Totals:
    """Sizes of a dataset."""

    rows: int
    row_length: int
    shards: int
    bytes: int
    documents: int
    segments: int
    tokens: dict[str, int]
    pictures: int
    hours: float
    text_bytes: int
    fill: float

    @property
    def all_tokens(self) -> int:
        """Tokens of all modalities."""
        return sum(self.tokens.values())


@dataclass(frozen=True)
class Overview:
    """Figures of a dataset that its manifest holds."""

    sentence: str
    totals: Totals
    sources: tuple[dict[str, Any], ...]
    by_source: tuple[Share, ...]
    by_kind: tuple[Share, ...]
    by_license: tuple[dict[str, Any], ...]  # source, license, segments, tokens, share
    packing: tuple[dict[str, Any], ...]  # group, rows, fill, bound
    lengths: tuple[dict[str, Any], ...]  # source, edges, counts, percentiles
    codebooks: tuple[dict[str, Any], ...]
    advice: tuple[str, ...]


def overview(dataset: BrowsedDataset) -> Overview:
    """Collect the figures of a dataset."""
    manifest = dataset.manifest
    totals = _totals(dataset)
    sources = manifest.statistics.sources
    return Overview(
        sentence=sentence(manifest, totals),
        totals=totals,
        sources=tuple(_source(manifest, name, source) for name, source in sources.items()),
        by_source=_shares((name, source) for name, source in sources.items()),
        by_kind=_shares((source.kind, source) for source in sources.values()),
        by_license=_licenses(sources, totals.all_tokens),
        packing=_packing(dataset),
        lengths=tuple(_histogram(name, source.lengths) for name, source in sources.items() if source.lengths),
        codebooks=tuple(_codebook(name, use.model_dump()) for name, use in manifest.codebooks.items()),
        advice=tuple(advice(manifest)),
    )


def _rate(manifest: Manifest) -> int:
    entry = manifest.tokenizers.get("audio")
    return (entry.card.sample_rate if entry else None) or 1


def _pictures(manifest: Manifest, source: SourceStatistics) -> int:
    """Number of images: every sample of such a kind has one, never split."""
    return source.samples if "image" in source.kind else 0


def _totals(dataset: BrowsedDataset) -> Totals:
    manifest = dataset.manifest
    sources = manifest.statistics.sources.values()
    tokens: Counter[str] = Counter()
    for source in sources:
        tokens.update(source.tokens)
    return Totals(
        rows=dataset.rows,
        row_length=manifest.row_length,
        shards=len(dataset.shards),
        bytes=dataset.shards.total_bytes,
        documents=sum(source.samples for source in sources),
        segments=sum(source.segments for source in sources),
        tokens={name: tokens[name] for name in MODALITIES if tokens[name]},
        pictures=sum(_pictures(manifest, source) for source in sources),
        hours=sum(source.audio_samples for source in sources) / _rate(manifest) / 3600,
        text_bytes=sum(source.text_bytes for source in sources),
        fill=fill(manifest),
    )


def sentence(manifest: Manifest, totals: Totals) -> str:
    """Describe a dataset in one sentence."""
    parts = [f"{totals.tokens['text']:,} tokens of text"] if "text" in totals.tokens else []
    if totals.pictures:
        parts.append(f"{totals.pictures:,} images")
    if totals.hours:
        parts.append(f"{duration(totals.hours * 3600)} of audio")
    what = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1] if parts else "no tokens"
    count = len(manifest.statistics.sources)
    return (
        f"{manifest.name} holds {totals.documents:,} documents from {count} source{'s' * (count != 1)}: {what}, "
        f"packed into {totals.rows:,} rows of {manifest.row_length:,} tokens."
    )


def duration(seconds: float) -> str:
    """Write a duration in the unit that suits it."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} hours"
    return f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.1f} seconds"


def _source(manifest: Manifest, name: str, source: SourceStatistics) -> dict[str, Any]:
    return {
        "name": name,
        "kind": source.kind,
        "documents": source.samples,
        "segments": source.segments,
        "tokens": {modality: source.tokens.get(modality, 0) for modality in MODALITIES},
        "pictures": _pictures(manifest, source),
        "seconds": source.audio_samples / _rate(manifest),
        "text_bytes": source.text_bytes,
        "lengths": percentiles(source.lengths),
    }


def _shares(named: Iterable[tuple[str, SourceStatistics]]) -> tuple[Share, ...]:
    tokens: dict[str, Counter[str]] = {}
    documents: Counter[str] = Counter()
    for name, source in named:
        tokens.setdefault(name, Counter()).update(source.tokens)
        documents[name] += source.samples
    whole = sum(sum(counts.values()) for counts in tokens.values()) or 1
    found = [
        Share(name, documents[name], {m: counts[m] for m in MODALITIES if counts[m]}, sum(counts.values()) / whole)
        for name, counts in tokens.items()
    ]
    return tuple(sorted(found, key=lambda share: (-share.share, share.name)))


def _licenses(sources: Mapping[str, SourceStatistics], whole: int) -> tuple[dict[str, Any], ...]:
    """Segments and tokens by licence over all sources, None for those without; empty where no source has licences."""
    if not any(source.licenses for source in sources.values()):
        return ()
    segments: Counter[str | None] = Counter()
    tokens: Counter[str | None] = Counter()
    for source in sources.values():
        left = [source.segments, sum(source.tokens.values())]
        for name, counts in source.licenses.items():
            segments[name] += counts.segments
            tokens[name] += counts.tokens
            left = [left[0] - counts.segments, left[1] - counts.tokens]
        segments[None] += left[0]
        tokens[None] += left[1]
    names = sorted(segments, key=lambda name: (-tokens[name], name or ""))
    return tuple(
        {"license": name, "segments": segments[name], "tokens": tokens[name], "share": tokens[name] / max(whole, 1)}
        for name in names
        if segments[name]
    )


def _packing(dataset: BrowsedDataset) -> tuple[dict[str, Any], ...]:
    manifest = dataset.manifest
    lines = []
    for group, names in manifest.groups.items():
        counts: Counter[int] = Counter()
        for name in names:
            counts.update(manifest.statistics.sources[name].lengths)
        total = sum(length * count for length, count in counts.items())
        mine = int(dataset.shards.rows[dataset.shards.numbers_of(group)].sum())
        share = total / (mine * manifest.row_length) if mine else 0.0
        bound = fill_bound(counts, manifest.row_length)
        lines.append({"group": group, "rows": mine, "fill": share, "bound": max(bound, share)})
    return tuple(lines)


def _histogram(name: str, lengths: Mapping[int, int]) -> dict[str, Any]:
    """Bin segment lengths; in even steps of the logarithm where they span more than a factor of 20."""
    values = np.array(sorted(lengths))
    counts = np.array([lengths[value] for value in values.tolist()])
    low, high = int(values[0]), int(values[-1])
    logarithmic = high > 20 * max(low, 1)
    steps = min(BINS, high - low + 1)
    edges = np.geomspace(max(low, 1), high + 1, steps + 1) if logarithmic else np.linspace(low, high + 1, steps + 1)
    edges = np.unique(np.ceil(edges).astype(np.int64))
    edges[0], edges[-1] = low, high + 1
    binned, _ = np.histogram(values, bins=edges, weights=counts)
    return {
        "source": name,
        "edges": edges.tolist(),
        "counts": [int(each) for each in binned],
        "percentiles": percentiles(lengths),
        "logarithmic": logarithmic,
    }


def _codebook(name: str, use: dict[str, Any]) -> dict[str, Any]:
    word, why = verdict(name, use["size"], use["used"], use["perplexity"])
    return {"name": name, **use, "verdict": word, "why": why}


def verdict(name: str, size: int, used: int, perplexity: float) -> tuple[str, str]:
    """Say in a word whether a codebook is in good use, and why.

    Returns:
        `good`, `uneven`, `poor` or `unused`; and a sentence.
    """
    if not used:
        return "unused", "No code of it occurs."
    dead = 1 - used / size
    if name == "text":
        if dead <= FEW_DEAD:
            return "good", "Almost every piece of the vocabulary occurs. Words are of uneven frequency by nature."
        word = "uneven" if dead <= MANY_DEAD else "poor"
        return word, f"{dead:.0%} of the pieces never occur: a smaller vocabulary would do for these texts."
    even = perplexity / size
    if dead <= FEW_DEAD and even >= BALANCED:
        return "good", f"Nearly all codes are in use, and evenly: as informative as {perplexity:,.0f} equal codes."
    if dead <= MANY_DEAD and even >= UNEVEN:
        return (
            "uneven",
            f"Some codes carry most of the data: as informative as {perplexity:,.0f} of {size:,} equal codes.",
        )
    if dead <= MANY_DEAD:
        return (
            "poor",
            f"A few codes carry almost all of the data: as informative as {perplexity:,.0f} of {size:,} equal codes.",
        )
    return "poor", f"Only {used:,} of {size:,} codes are in use, as informative as {perplexity:,.0f} equal codes."
