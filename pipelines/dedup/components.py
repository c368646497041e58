"""Connected components of the graph whose edges join near duplicates.

The edges stay on disk and are read in blocks; the forest is one 64-bit number per vertex in a memory-mapped scratch
file, and the number of edges of each vertex is in another. So memory is bounded by one block (about a hundred bytes per
edge) and by the part of the files (12 bytes per vertex) that the operating system caches, whatever the number of edges.
A component is named by its smallest vertex, so the result does not depend on the order of the edges or on the blocks.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import IO

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.uint32]


@contextmanager
def components(vertices: int, edges: Iterable[tuple[Ints, Ints]]) -> Iterator[Ints]:
    """Compute the component of each vertex.

    Each block of edges is contracted to the roots of its vertices and solved by SciPy; the root of a merged component
    is its smallest root. A parent is never greater than its children.

    Args:
        vertices: Number of vertices.
        edges: Blocks of (left, right) arrays of vertices.

    Yields:
        (vertices,) the smallest vertex of each vertex's component; valid within the block.
    """
    with tempfile.TemporaryFile(prefix="triptych-") as scratch:
        forest = _numbers(scratch, vertices)
        for left, right in edges:
            _merge(forest, left, right)
        for start in range(0, vertices, _BLOCK):
            _roots(forest, np.arange(start, min(start + _BLOCK, vertices)))
        yield forest


@contextmanager
def counted_ends(
    vertices: int, edges: Iterable[tuple[Ints, Ints]]
) -> Iterator[tuple[Counts, Iterator[tuple[Ints, Ints]]]]:
    """Count the edges of each vertex while they pass.

    Args:
        vertices: Number of vertices.
        edges: Blocks of (left, right) arrays of vertices.

    Yields:
        (vertices,) counts, valid within the block and complete when all edges have passed; and the edges.
    """

    def passing() -> Iterator[tuple[Ints, Ints]]:
        for left, right in edges:
            ends, times = np.unique(np.concatenate([left, right]), return_counts=True)
            counts[ends] += times.astype(np.uint32)
            yield left, right

    with tempfile.TemporaryFile(prefix="triptych-") as scratch:
        counts = np.memmap(scratch, np.uint32, "w+", shape=(vertices,)) if vertices else np.zeros(0, np.uint32)
        yield counts, passing()


def joined_vertices(least: Ints, starts: Sequence[int]) -> Iterator[tuple[Ints, Ints]]:
    """Find the vertices that are not alone in their component, range by range.

    Memory is bounded by one range and 16 bytes per such vertex.

    Args:
        least: The array of `components`.
        starts: Boundaries of the ranges.

    Yields:
        For each range: the vertices, and the smallest vertex of their components.
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
    """Return the sorted distinct values; ten times as fast as `np.unique`, which hashes."""
    values = np.sort(values)
    new = np.append(True, values[1:] != values[:-1])[: len(values)]
    distinct: Ints = values[new]
    return distinct


def _numbers(scratch: IO[bytes], vertices: int) -> Ints:
    """Create the array 0, 1, 2 … in a memory-mapped file."""
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
    """Return the root of each vertex's tree, and attach these vertices directly to their roots."""
    found = np.asarray(forest[vertices])
    while True:
        above = np.asarray(forest[found])
        if np.array_equal(above, found):
            break
        found = above
    forest[vertices] = found
    return found
