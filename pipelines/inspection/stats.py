"""The main figures of a dataset's manifest, as one JSON-ready dict."""

from collections import Counter
from typing import Any

from ...schemas.dataset.ledger import main_reason
from ...schemas.dataset.manifest import Manifest
from ...schemas.dataset.reader import fill
from ...schemas.dataset.statistics import percentiles
from .fill_bound import fill_bound


def stats(manifest: Manifest) -> dict[str, Any]:
    """Collect rows, fill, tokens, sources, licences, groups, codebooks, duplicates, hits, ledger and advice."""
    tokens: Counter[str] = Counter()
    segments: Counter[str] = Counter()
    for source in manifest.statistics.sources.values():
        tokens.update(source.tokens)
        segments[source.kind] += source.segments
    return {
        "name": manifest.name,
        "rows": manifest.statistics.rows,
        "row_length": manifest.row_length,
        "fill": round(fill(manifest), 6),
        "shards": len(manifest.shards),
        "bytes": manifest.shards.total_bytes,
        "tokens": dict(tokens),
        "segments": dict(segments),
        "sources": _sources(manifest),
        "licenses": _licenses(manifest),
        "groups": _groups(manifest),
        "codebooks": {name: use.model_dump() for name, use in manifest.codebooks.items()},
        "dedup": [report.model_dump() | {"clusters": report.clusters} for report in manifest.dedup],
        "decontamination": [report.model_dump() for report in manifest.decontamination],
        "ledger": [tally.model_dump() for tally in manifest.ledger],
        "advice": advice(manifest),
        "vocabulary": manifest.vocabulary.size,
        "fingerprint": manifest.fingerprint,
    }


def _sources(manifest: Manifest) -> dict[str, Any]:
    described = {}
    for name, source in manifest.statistics.sources.items():
        body = source.model_dump(exclude={"licenses", "lengths", "too_long"})
        described[name] = body | {"lengths": percentiles(source.lengths)}
    return described


def _licenses(manifest: Manifest) -> list[dict[str, Any]]:
    """Segments and tokens by source and licence, null for segments without one; empty when there are no licences."""
    lines: list[dict[str, Any]] = []
    for name, source in manifest.statistics.sources.items():
        left = {"segments": source.segments, "tokens": sum(source.tokens.values())}
        for license_, counts in source.licenses.items():
            lines.append({"source": name, "license": license_, **counts.model_dump()})
            left = {key: left[key] - lines[-1][key] for key in left}
        if left["segments"]:
            lines.append({"source": name, "license": None, **left})
    return lines if any(line["license"] is not None for line in lines) else []


def _groups(manifest: Manifest) -> dict[str, Any]:
    groups = {}
    for group, sources in manifest.groups.items():
        counts: Counter[int] = Counter()
        for source in sources:
            counts.update(manifest.statistics.sources[source].lengths)
        rows = int(manifest.shards.rows[manifest.shards.numbers_of(group)].sum())
        total = sum(length * count for length, count in counts.items())
        share = total / (rows * manifest.row_length) if rows else 0.0
        bound = fill_bound(counts, manifest.row_length)
        groups[group] = {"rows": rows, "fill": round(share, 6), "fill_bound": round(bound, 6)}
    return groups


def advice(manifest: Manifest) -> list[str]:
    """Return a line for every source that lost more than half of its rows, or pairs that were too long for a row."""
    lines = []
    for name in manifest.statistics.sources:
        tallies = [tally for tally in manifest.ledger if tally.source == name]
        given = tallies[0].rows_in if tallies else 0
        lost = given - tallies[-1].kept if tallies else 0
        if 2 * lost > given:
            _, reason, rows = main_reason(tallies)
            lines.append(
                f"{name}: {lost:,} of {given:,} rows were dropped, {rows:,} of them as {reason}; "
                f"`triptych show DATASET --dropped {reason} --source {name}` lists them."
            )
    for name, source in manifest.statistics.sources.items():
        if source.too_long:
            lost, better = sum(source.too_long.values()), source.row_length_for(0.99)
            lines.append(
                f"{name}: {lost:,} of {lost + source.samples:,} pairs need more than row_length "
                f"{manifest.row_length}; row_length {better} would keep 99 % of them."
            )
    return lines
