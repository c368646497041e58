"""Shares of unmasked positions rise from 0 to 1, and their counts add up to every position exactly once."""

import itertools
import math

import pytest
import torch

from triptych.model.sampling.unmask_schedule import unmask_counts, unmasked_share
from triptych.schemas.config.sampling import Grid

GRIDS: tuple[Grid, ...] = ("linear", "cosine")


def test_shares_worked_out_by_hand() -> None:
    progress = torch.tensor([0, 1 / 3, 0.5, 1], dtype=torch.float64)
    assert unmasked_share("linear", progress).tolist() == pytest.approx([0, 1 / 3, 0.5, 1])
    # cos(0), cos(30 degrees), cos(45 degrees) and cos(90 degrees) stay masked
    wanted = [0, 1 - math.sqrt(3) / 2, 1 - math.sqrt(0.5), 1]
    assert unmasked_share("cosine", progress).tolist() == pytest.approx(wanted)


def test_counts_worked_out_by_hand() -> None:
    masked, size = torch.tensor([10, 7, 3, 10]), torch.tensor([10, 10, 10, 10])
    share = torch.tensor([0.3, 0.3, 0.3, 0.25], dtype=torch.float64)
    # 7 of 10 are to be left, although 10 * (1 - 0.3) may come out below 7; half positions are unmasked
    assert unmask_counts(masked, size, share).tolist() == [3, 0, 0, 3]


@pytest.mark.parametrize("grid", GRIDS)
def test_each_position_is_unmasked_once(grid: Grid) -> None:
    size = torch.arange(1, 60)
    for steps in (1, 2, 7, 10, 64):
        progress = torch.arange(steps + 1, dtype=torch.float64) / steps
        shares = unmasked_share(grid, progress)
        assert all(before <= after for before, after in itertools.pairwise(shares.tolist()))
        masked = size.clone()
        for share in shares[1:]:
            masked = masked - unmask_counts(masked, size, share.expand(len(size)))
            ideal = size * (1 - share)
            assert bool(((masked <= ideal + 1e-6) & (masked > ideal - 1)).all())
        assert masked.tolist() == [0] * len(size)


def test_a_time_shift_unmasks_few_positions_early() -> None:
    progress = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    assert unmasked_share("linear", progress, 0.1).tolist() == pytest.approx([0.0, 0.05 / 0.55, 1.0])
    assert torch.equal(unmasked_share("cosine", progress, 1.0), unmasked_share("cosine", progress))
