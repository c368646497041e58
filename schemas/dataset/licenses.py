"""Licences of a dataset, summed over its sources."""

from .manifest import Manifest
from .statistics import LicenseStatistics


def licenses_of(manifest: Manifest) -> dict[str | None, LicenseStatistics]:
    """Sum segments and tokens by licence over all sources; None for segments without one."""
    sums: dict[str | None, list[int]] = {}
    for source in manifest.statistics.sources.values():
        left = [source.segments, sum(source.tokens.values())]
        for name, counts in source.licenses.items():
            mine = sums.setdefault(name, [0, 0])
            for at, count in enumerate((counts.segments, counts.tokens)):
                mine[at] += count
                left[at] -= count
        if left[0]:
            mine = sums.setdefault(None, [0, 0])
            mine[0], mine[1] = mine[0] + left[0], mine[1] + left[1]
    return {name: LicenseStatistics(segments=segments, tokens=tokens) for name, (segments, tokens) in sums.items()}
