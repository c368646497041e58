"""Masks of a segment: how many tokens they hold, which ones they may hold, and weights that estimate the bound."""

import math

import pytest
import torch

from triptych.model.diffusion.masking import MaskDraws, draw_masks
from triptych.schemas.config.model import MaskedObjective

SETTINGS = [
    {"estimator": estimator} | schedule
    for estimator in ("exact-k", "bernoulli")
    for schedule in ({"schedule": "linear"}, {"schedule": "cosine"}, {"schedule": "polynomial", "power": 1.5})
]


def draws(levels: list[float], length: int, seed: int = 0) -> MaskDraws:
    """Segments of one length; the first token of each may not be masked, and five tokens of padding follow."""
    segments = len(levels)
    index_T = torch.cat((torch.arange(segments).repeat_interleave(length + 1), torch.full((5,), segments)))
    target_T = (torch.arange(len(index_T)) % (length + 1) > 0) & (index_T < segments)
    draw_T = torch.randint(-(2**63), 2**63 - 1, index_T.shape, generator=torch.Generator().manual_seed(seed))
    return MaskDraws(index_T, target_T, draw_T, torch.tensor(levels, dtype=torch.float64))


def count(masked_T: torch.Tensor, given: MaskDraws) -> list[int]:
    counts: list[int] = torch.bincount(given.index_T[masked_T], minlength=len(given.level_S)).tolist()
    return counts


def test_exact_k_masks_k_tokens_with_weight_n_over_k() -> None:
    given = draws([0.01, 0.25, 0.26, 0.75, 0.99], 4)
    objective = MaskedObjective(anti_masking=True)
    mask, complement = draw_masks(objective, given)
    assert count(mask.masked_T, given) == [1, 1, 2, 3, 4]
    assert mask.weight_S.tolist() == pytest.approx([4, 4, 2, 4 / 3, 1])
    # the rest of the segment; where nothing is left, all of it again
    assert count(complement.masked_T, given) == [3, 3, 2, 1, 4]
    assert complement.weight_S.tolist() == pytest.approx([4 / 3, 4 / 3, 2, 4, 1])
    both_T = mask.masked_T & complement.masked_T
    assert count(both_T, given) == [0, 0, 0, 0, 4]
    assert torch.equal(mask.masked_T | complement.masked_T, given.target_T)
    (alone,) = draw_masks(MaskedObjective(), given)
    assert torch.equal(alone.masked_T, mask.masked_T)


def test_bernoulli_weights_are_slope_over_rate() -> None:
    given = draws([0.2, 0.5, 0.9], 50)
    mask, complement = draw_masks(MaskedObjective(estimator="bernoulli", anti_masking=True), given)
    assert mask.weight_S.tolist() == pytest.approx([5, 2, 1 / 0.9])
    assert complement.weight_S.tolist() == pytest.approx([1.25, 2, 10])
    assert torch.equal(mask.masked_T ^ complement.masked_T, given.target_T)
    (cosine,) = draw_masks(MaskedObjective(estimator="bernoulli", schedule="cosine"), given)
    angles = [math.pi / 2 * level for level in (0.2, 0.5, 0.9)]
    assert cosine.weight_S.tolist() == pytest.approx([math.pi / 2 / math.tan(angle) for angle in angles])


@pytest.mark.parametrize("settings", SETTINGS)
def test_masks_never_leave_their_targets_and_weigh_n_tokens(settings: dict[str, str]) -> None:
    segments, length = 6000, 5
    given = draws([(i + 0.5) / segments for i in range(segments)], length)
    (made,) = draw_masks(MaskedObjective.model_validate(settings), given)
    assert not bool((made.masked_T & ~given.target_T).any())
    # a cross-entropy of 1 for every token: the bound of a segment is its number of tokens
    estimates = made.weight_S * torch.tensor(count(made.masked_T, given))
    assert float(estimates.mean()) == pytest.approx(length, rel=0.03)
