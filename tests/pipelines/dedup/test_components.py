"""Components by blocks of edges agree with a plain union-find, whatever the blocks and the order."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.dedup import components as module
from triptych.pipelines.dedup.components import components, joined_vertices

Edges = list[tuple[int, int]]
SIZE = 40
EDGES = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)), max_size=60)


def slow(vertices: int, edges: Edges) -> list[int]:
    """The least vertex of each one's component, by giving every edge the lesser label until nothing changes."""
    label, changed = list(range(vertices)), True
    while changed:
        changed = False
        for left, right in edges:
            least = min(label[left], label[right])
            changed |= label[left] != least or label[right] != least
            label[left] = label[right] = least
    return label


def blocks(edges: Edges, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    pairs = np.array(edges, np.int64).reshape(-1, 2)
    return [(part[:, 0], part[:, 1]) for part in np.split(pairs, range(size, len(pairs), size))]


@given(EDGES, st.integers(1, 8), st.randoms(use_true_random=False))
def test_components_are_those_of_a_plain_search(edges: Edges, size: int, draw: random.Random) -> None:
    expected = slow(SIZE, edges)
    turned = [edge[::-1] if draw.random() < 0.5 else edge for edge in edges]
    draw.shuffle(turned)
    for given_edges in (edges, turned):
        with components(SIZE, blocks(given_edges, size)) as least:
            assert least.tolist() == expected


def test_a_long_chain_in_any_order_is_one_component(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 64)
    order = np.random.default_rng(0).permutation(999)
    with components(1000, [(part, part + 1) for part in np.array_split(order, 37)]) as least:
        assert not least.any()
        together, labels = next(joined_vertices(least, [0, 1000]))
        assert together.tolist() == list(range(1000))
        assert not labels.any()


@given(EDGES, st.lists(st.integers(0, SIZE), max_size=4))
def test_every_range_gets_the_vertices_that_are_not_alone(edges: Edges, cuts: list[int]) -> None:
    expected = slow(SIZE, edges)
    alone = {vertex for vertex in range(SIZE) if expected.count(expected[vertex]) == 1}
    starts = [0, *sorted(cuts), SIZE]
    with components(SIZE, blocks(edges, 7)) as least:
        found = {
            int(v): int(label)
            for vertices, labels in joined_vertices(least, starts)
            for v, label in zip(vertices, labels, strict=True)
        }
    assert found == {vertex: expected[vertex] for vertex in range(SIZE) if vertex not in alone}


def test_no_vertices_are_no_components() -> None:
    with components(0, []) as least:
        assert not least.size
        assert not list(joined_vertices(least, [0]))
