"""Connected components of the graph whose edges join near duplicates.

The edges stay on disk and come in blocks; the forest is one 64-bit number a vertex in a memory-mapped scratch file.
So memory is bounded by one block (about a hundred bytes an edge) and by what the operating system keeps of 8 bytes a
vertex, whatever the number of edges. A component is named by its least vertex, so neither the order of the edges nor
how they are cut into blocks can show.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import IO

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@contextmanager
def components(vertices: int, edges: Iterable[tuple[Ints, Ints]]) -> Iterator[Ints]:
    """(vertices,) the least vertex of each one's component, valid within the block; `edges` are (left, right) arrays.

    Each block is contracted to the roots of its ends and solved by SciPy; the root of a merged component is its least
    root. Parents are never above their children.
    """
    with tempfile.TemporaryFile(prefix="triptych-") as scratch:
        forest = _numbers(scratch, vertices)
        for left, right in edges:
            _merge(forest, left, right)
        for start in range(0, vertices, _BLOCK):
            _roots(forest, np.arange(start, min(start + _BLOCK, vertices)))
        yield forest


def joined(least: Ints, starts: Sequence[int]) -> Iterator[tuple[Ints, Ints]]:
    """For every range between two of `starts`: its vertices that are not alone in their component, and their least.

    Memory is bounded by one range and 16 bytes a vertex that is not alone.
    """
    ranges = list(pairwise(starts))
    below = [low + np.flatnonzero(least[low:high] != np.arange(low, high)) for low, high in ranges]
    roots = _distinct(np.concatenate([least[vertices] for vertices in below] or [np.zeros(0, np.int64)]))
    for (low, high), vertices in zip(ranges, below, strict=True):
        mine = roots[np.searchsorted(roots, low) : np.searchsorted(roots, high)]
        together = np.union1d(vertices, mine)
        yield together, np.asarray(least[together])


_BLOCK = 1 << 20


def _distinct(values: Ints) -> Ints:
    """Sorted, each once; a tenth of the time of `np.unique`, which hashes."""
    values = np.sort(values)
    new = np.append(True, values[1:] != values[:-1])[: len(values)]
    distinct: Ints = values[new]
    return distinct


def _numbers(scratch: IO[bytes], vertices: int) -> Ints:
    """0, 1, 2 … in a memory-mapped file."""
    if not vertices:
        return np.zeros(0, np.int64)
    forest = np.memmap(scratch, np.int64, "w+", shape=(vertices,))
    for start in range(0, vertices, _BLOCK):
        stop = min(start + _BLOCK, vertices)
        forest[start:stop] = np.arange(start, stop)
    return forest


def _merge(forest: Ints, left: Ints, right: Ints) -> None:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.concatenate([_roots(forest, left), _roots(forest, right)])
    roots, index = np.unique(ends, return_inverse=True)
    graph = coo_array((np.ones(len(left), np.int8), (index[: len(left)], index[len(left) :])), shape=(len(roots),) * 2)
    count, label = connected_components(graph, directed=False)
    least = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(least, label, roots)
    forest[roots] = least[label]


def _roots(forest: Ints, vertices: Ints) -> Ints:
    """The root of each vertex's tree, and on the way every one of these vertices hung right below it."""
    found = np.asarray(forest[vertices])
    while True:
        above = np.asarray(forest[found])
        if np.array_equal(above, found):
            break
        found = above
    forest[vertices] = found
    return found
