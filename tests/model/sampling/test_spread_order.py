"""Halton's order of pictures, clips and texts, beside the published definition of the sequence."""

import pytest
import torch

from triptych.model.sampling.spread_order import halton_ranks, spread_numbers
from triptych.schemas.config.model import Task

from ..canvases import canvas
from ..conftest import VOCABULARY, Sample


def order(cells: int) -> list[int]:
    ranks = halton_ranks(cells)
    return torch.argsort(ranks).tolist()


def test_the_orders_are_those_of_the_sequences() -> None:
    assert order(8) == [0, 4, 2, 6, 1, 5, 3, 7]  # van der Corput in base 2
    # (1/2, 1/3), (1/4, 2/3), (3/4, 1/9), (1/8, 4/9), (5/8, 7/9), … after (0, 0), on a square of four
    assert order(16)[:6] == [0, 2 * 4 + 1, 1 * 4 + 2, 3 * 4 + 0, 0 * 4 + 1, 2 * 4 + 3]


@pytest.mark.parametrize("cells", [1, 2, 3, 5, 9, 16, 50, 100, 256])
def test_every_cell_comes_once(cells: int) -> None:
    assert sorted(halton_ranks(cells).tolist()) == list(range(cells))


def test_the_first_quarter_lies_further_apart_than_by_chance() -> None:
    def nearest(cells: torch.Tensor) -> float:
        places = torch.stack((cells // 16, cells % 16), -1).double()
        return float((torch.cdist(places, places) + 99 * torch.eye(len(places))).min(1).values.mean())

    first = torch.tensor(order(256)[:64])
    shuffled = [torch.randperm(256, generator=torch.Generator().manual_seed(seed))[:64] for seed in range(20)]
    assert nearest(first) > max(map(nearest, shuffled))


def test_codes_of_a_frame_share_a_number_and_a_roll_moves_the_order() -> None:
    samples = [Sample(text=[1, 2], audio=[0] * 10), Sample(text=[3], audio=[0] * 10), Sample(text=[4] * 3)]
    open_ = canvas(samples, [Task.T2S, Task.T2S, Task.TEXT], vocabulary=VOCABULARY)
    audio_T = open_.modality_T == 3
    codebook_T = torch.where(audio_T, open_.slice_T - 3, 0)
    numbers_T = spread_numbers(open_, codebook_T, torch.tensor([0.0, 0.5, 0.0], dtype=torch.float64))
    frames = numbers_T[audio_T].view(2, 5, 2)
    assert torch.equal(frames[..., 0], frames[..., 1])
    assert torch.argsort(frames[0, :, 0]).tolist() == order(5)
    assert torch.argsort(frames[1, :, 0]).tolist() == order(5)[-2:] + order(5)[:-2]  # floor(.5 * 5) further on
    assert torch.argsort(numbers_T[-4:]).tolist() == order(4)
