"""P21: noise is a function of the key alone, fresh in each epoch, and uniform."""

import numpy as np
import pytest
import torch

from triptych.model.keyed_random import RandomStream, bits, rank_within, to_unit, uniform

MASK = (1 << 64) - 1


def mix(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def reference(seed: int, *key: int) -> int:
    """The same in unsigned integers of any size."""
    gamma = 0x9E3779B97F4A7C15
    state = mix((seed + gamma) & MASK)
    for part in key:
        state = mix((state + (part + 1) * gamma) & MASK)
    return state


def test_bits_are_splitmix64() -> None:
    # the first outputs of SplitMix64 seeded with 0 and 1234567, as its authors' program prints them
    assert reference(0) == 0xE220A8397B1DCDAF
    assert reference(1234567) == 6457827717110365317


@pytest.mark.parametrize("seed", [0, 1, 2**40 + 7])
def test_bits_are_those_of_plain_integers(seed: int) -> None:
    rows = torch.tensor([[0], [1], [10**12]])
    tokens = torch.arange(5)[None]
    got = bits(seed, RandomStream.MASK, rows, tokens).numpy().astype(np.uint64)
    want = [[reference(seed, RandomStream.MASK, row, token) for token in range(5)] for row in (0, 1, 10**12)]
    assert got.tolist() == want


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_the_same() -> None:
    rows = torch.arange(1000)
    assert torch.equal(bits(3, RandomStream.MASK, rows), bits(3, RandomStream.MASK, rows.cuda()).cpu())
    assert torch.equal(uniform(3, RandomStream.MASK, rows), uniform(3, RandomStream.MASK, rows.cuda()).cpu())


def test_a_draw_depends_on_its_own_key_alone() -> None:
    whole = uniform(0, RandomStream.MASK, torch.arange(8)[:, None], torch.arange(64)[None])
    assert torch.equal(whole[5], uniform(0, RandomStream.MASK, torch.tensor([[5]]), torch.arange(64)[None])[0])
    others = [
        uniform(1, RandomStream.MASK, torch.arange(8)[:, None], torch.arange(64)[None]),
        uniform(0, RandomStream.TASK, torch.arange(8)[:, None], torch.arange(64)[None]),
        uniform(0, RandomStream.MASK, torch.arange(64)[None], torch.arange(8)[:, None] + 64),
    ]
    for other in others:
        assert not torch.any(whole == other)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_draws_are_uniform_and_uncorrelated(axis: int) -> None:
    # 2^18 draws over three counters: χ² of 256 cells, correlation of neighbours along each counter
    parts = [torch.arange(64).view([-1 if i == j else 1 for j in range(3)]) for i in range(3)]
    u = uniform(0, RandomStream.MASK, *parts)
    counts = torch.histc(u, 256, 0, 1)
    expected = u.numel() / 256
    chi = float(((counts - expected) ** 2 / expected).sum())
    assert 255 - 5 * 22.6 < chi < 255 + 5 * 22.6
    ahead, behind = u.narrow(axis, 1, 63).flatten() - 0.5, u.narrow(axis, 0, 63).flatten() - 0.5
    assert abs(float((ahead * behind).mean()) * 12) < 5 / len(ahead) ** 0.5


def test_uniform_never_reaches_its_ends() -> None:
    ends = to_unit(torch.tensor([0, -1]))  # all bits off, all on
    assert 0 < float(ends[0]) < float(ends[1]) < 1


def test_rank_within_groups() -> None:
    group = torch.tensor([1, 0, 1, 1, 0, 3])
    draw = torch.tensor([30, 20, 10, -5, 40, 0]) << 24  # -5: highest bits on, so last
    assert rank_within(group, draw).tolist() == [1, 0, 0, 2, 1, 0]
