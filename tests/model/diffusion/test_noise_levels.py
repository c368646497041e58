"""P2: levels are stratified over the global batch, and each by itself is uniform."""

from dataclasses import replace

import numpy as np
import torch

from triptych.model.diffusion.batch import Batch
from triptych.model.diffusion.noise_levels import RowPlacement, stratified_levels

from ..conftest import Sample, pack, random_rows


def texts(rows: int, segments: int) -> Batch:
    return pack([[Sample(text=[1, 2])] * segments for _ in range(rows)], 4 * segments)


def test_every_stratum_of_a_batch_gets_one_level() -> None:
    for rows, segments in ((16, 1), (5, 3), (1, 7)):
        levels = stratified_levels(texts(rows, segments), RowPlacement(3, torch.arange(rows), rows), seed=0)
        cells = (levels * rows * segments).long()
        assert sorted(cells.tolist()) == list(range(rows * segments))


def test_a_level_by_itself_is_uniform() -> None:
    # one segment over 1,000 epochs: Kolmogorov's statistic, and no correlation from one to the next
    batch = texts(3, 2)
    levels = torch.stack(
        [
            stratified_levels(replace(batch, epoch_B=torch.full((3,), step)), RowPlacement(step, torch.arange(3), 3), 0)
            for step in range(1000)
        ]
    )
    grid = torch.arange(1, 1001) / 1000
    for levels_of_one in levels.T:
        assert float((levels_of_one.sort().values - grid).abs().max()) < 1.95 / 1000**0.5  # p = 0.001
        centred = levels_of_one - 0.5
        assert abs(float((centred[1:] * centred[:-1]).mean()) * 12) < 4 / 1000**0.5


def test_levels_depend_on_place_and_step_and_not_on_what_else_is_in_the_micro_batch(draw: np.random.Generator) -> None:
    rows = random_rows(draw, 8, 96)
    whole = stratified_levels(pack(rows, 96), RowPlacement(2, torch.arange(8), 8), 0)
    for size in (1, 2, 4):
        parts = [
            stratified_levels(
                pack(rows[at : at + size], 96, numbers=list(range(at, at + size))),
                RowPlacement(2, torch.arange(at, at + size), 8),
                0,
            )
            for at in range(0, 8, size)
        ]
        assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(whole, stratified_levels(pack(rows, 96), RowPlacement(3, torch.arange(8), 8), 0))
