"""Codes are moving averages of their latents, and one that is hardly used moves onto a latent."""

import numpy as np
import pytest
import torch

from triptych.tokenizers.image.codebook import MovingCodebook


def test_one_update_is_the_average_worked_out_by_hand() -> None:
    weight = torch.tensor([[0.0], [10.0]])
    codebook = MovingCodebook(weight, latents=4)  # counts 2 and 2, sums 0 and 20
    codebook.update(torch.tensor([[1.0], [1.0], [1.0], [9.0]]), torch.tensor([0, 0, 0, 1]), None)
    assert weight[0].item() == pytest.approx(0.01 * 3 / (0.99 * 2 + 0.01 * 3))
    assert weight[1].item() == pytest.approx((0.99 * 20 + 0.01 * 9) / (0.99 * 2 + 0.01 * 1))


def test_codes_at_the_mean_of_their_latents_stay() -> None:
    draw = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, generator=draw)
    rows, nearest = weight.repeat(5, 1), torch.arange(4).repeat(5)
    before, codebook = weight.clone(), MovingCodebook(weight, latents=len(rows))
    for _ in range(20):
        codebook.update(rows, nearest, np.random.default_rng(0))
    assert torch.allclose(weight, before, atol=1e-5)


def test_an_unused_code_moves_when_its_share_is_small_enough() -> None:
    weight = torch.tensor([[2.0], [5.0]])
    codebook = MovingCodebook(weight, latents=2)
    rows, nearest = torch.full((2, 1), 2.0), torch.zeros(2, dtype=torch.int64)
    steps = int(np.ceil(np.log(0.02) / np.log(0.99)))  # the count is 0.99 ** n of a mean of 1
    for _ in range(steps - 1):
        codebook.update(rows, nearest, np.random.default_rng(0))
    assert weight[1].item() == pytest.approx(5.0, rel=1e-4)
    codebook.update(rows, nearest, np.random.default_rng(0))
    assert weight[1].item() == pytest.approx(2.0)
