"""Histogram of the lengths of a source's segments."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...schemas.dataset.statistics import percentiles

BINS = 36


def length_histogram(name: str, lengths: Mapping[int, int], bins: int = BINS) -> dict[str, Any]:
    """Bin segment lengths; in even steps of the logarithm where they span more than a factor of 20.

    Args:
        name: Name of the source.
        lengths: Segment length -> segments; not empty.
        bins: Bins at most.

    Returns:
        `source`, `edges` (one more than there are bins), `counts`, `percentiles`, `logarithmic`.
    """
    values = np.array(sorted(lengths))
    counts = np.array([lengths[value] for value in values.tolist()])
    low, high = int(values[0]), int(values[-1])
    logarithmic = high > 20 * max(low, 1)
    steps = min(bins, high - low + 1)
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
