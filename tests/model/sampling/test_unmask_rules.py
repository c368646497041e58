"""P11, P16: rules on arrays, beside the same in plain Python."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from triptych.model.sampling.unmask_rules import (
    above_threshold,
    annealed_scores,
    calibrated_scores,
    descending_keys,
    gumbel,
    remdm_loop_share,
    remdm_probabilities,
    score,
    select_lowest,
    within_entropy_bound,
)
from triptych.model.sampling.unmask_schedule import unmask_counts, unmasked_share
from triptych.schemas.config.sampling import Grid, Rule

groups = st.lists(st.lists(st.floats(0, 3, width=32), min_size=1, max_size=6), min_size=1, max_size=4)


def laid_out(values: list[list[float]]) -> tuple[torch.Tensor, torch.Tensor]:
    flat = [(number, value) for number, part in enumerate(values) for value in part]
    order = sorted(range(len(flat)), key=lambda i: (i * 7919) % 13)  # groups interleaved
    numbers, scores = zip(*(flat[i] for i in order), strict=True)
    return torch.tensor(numbers), torch.tensor(scores)


@given(groups)
def test_bounded_is_the_longest_run_of_low_entropies(values: list[list[float]]) -> None:
    group_N, entropy_N = laid_out(values)
    chosen_N = within_entropy_bound(entropy_N, group_N, 0.7)
    for number in range(len(values)):
        mine = group_N == number
        rising = sorted(float(h) for h in entropy_N[mine])
        fit = [k for k in range(1, len(rising) + 1) if math.fsum(rising[: k - 1]) <= 0.7]
        assert int(chosen_N[mine].sum()) == max(fit)
        if not chosen_N[mine].all():
            assert entropy_N[mine & chosen_N].max() <= entropy_N[mine & ~chosen_N].min()


@given(groups)
def test_sure_is_what_reaches_the_threshold_or_the_best(values: list[list[float]]) -> None:
    group_N, score_N = laid_out(values)
    chosen_N = above_threshold(score_N, group_N, 2.0)
    for number in range(len(values)):
        mine = group_N == number
        high = mine & (score_N >= 2.0)
        if high.any():
            assert torch.equal(chosen_N & mine, high)
        else:
            assert score_N[chosen_N & mine].tolist() == [score_N[mine].max()]


@given(groups, st.integers(0, 4))
def test_first_takes_the_greatest_scores(values: list[list[float]], count: int) -> None:
    group_N, score_N = laid_out(values)
    chosen_N = select_lowest(descending_keys(-score_N), group_N, torch.full((len(values),), count))
    for number, part in enumerate(values):
        mine = score_N[chosen_N & (group_N == number)]
        assert sorted(mine.tolist()) == sorted(torch.tensor(part).tolist())[:count]


def test_descending_orders_all_floats() -> None:
    rising = [-torch.inf, -1e300, -1.0, -1e-300, 0.0, 1e-300, 1.0, 1e300, torch.inf]
    keys = descending_keys(torch.tensor(rising, dtype=torch.float64))
    unsigned = [key % 2**64 for key in keys.tolist()]
    assert unsigned == sorted(unsigned, reverse=True)
    assert len(set(unsigned)) == len(unsigned)
    assert descending_keys(torch.tensor([-0.0])) == descending_keys(torch.tensor([0.0]))


@pytest.mark.parametrize("grid", ["linear", "cosine"])
@given(size=st.integers(1, 200), steps=st.integers(1, 300))
def test_counts_of_all_steps_sum_to_the_size(grid: Grid, size: int, steps: int) -> None:
    left = torch.tensor([size])
    size_G = left.clone()
    for step in range(steps):
        progress = torch.tensor([(step + 1) / steps], dtype=torch.float64)
        taken = unmask_counts(left, size_G, unmasked_share(grid, progress))
        assert taken >= 0
        if grid == "linear" and size == steps:
            assert taken == 1
        left = left - taken
    assert left == 0


def test_noise_on_scores_falls_linearly_from_its_base() -> None:
    """P11: at half of the steps it is half, not the product of all that came before."""
    zero, u = torch.zeros(1), torch.tensor([0.3], dtype=torch.float64)
    whole = annealed_scores(zero, u, 4.5, 0.0)
    for step in range(13):
        torch.testing.assert_close(
            annealed_scores(zero, u, 4.5, step / 12), whole * (1 - step / 12), atol=1e-12, rtol=0
        )
    assert annealed_scores(zero, u, 4.5, 1.0) == 0


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.sampled_from(["remdm-cap", "remdm-loop"]))
def test_chances_of_taking_back_are_chances_and_keep_the_share(a: float, b: float, chance: float, rule: Rule) -> None:
    now, after = (torch.tensor([x], dtype=torch.float64) for x in sorted((a, b)))
    up, back = remdm_probabilities(rule, torch.tensor([0.5], dtype=torch.float64), now, after, chance)
    assert 0 <= up <= 1
    assert 0 <= back <= chance
    torch.testing.assert_close(now * (1 - back) + (1 - now) * up, after, atol=1e-9, rtol=0)
    last = remdm_probabilities(
        rule, torch.ones(1, dtype=torch.float64), now, torch.ones(1, dtype=torch.float64), chance
    )
    assert last[0] > 1 - 1e-9
    assert last[1] == 0


def test_a_loop_holds_nine_tenths() -> None:
    progress = torch.tensor([0.0, 0.2, 0.45, 0.7, 0.949, 0.975, 1.0], dtype=torch.float64)
    assert remdm_loop_share(progress).tolist() == pytest.approx([0, 0.4, 0.9, 0.9, 0.9, 0.95, 1])
    up, back = remdm_probabilities(
        "remdm-loop", progress[:-1], remdm_loop_share(progress[:-1]), remdm_loop_share(progress[1:]), 0.02
    )
    assert back.tolist() == pytest.approx([0, 0, 0.02, 0.02, 0.02, 0])
    assert up[3] == pytest.approx(0.02 * 0.9 / 0.1)


def test_scores() -> None:
    chance = torch.tensor([[0.5, 0.3, 0.2], [0.98, 0.01, 0.01]])
    entropy = -(chance * chance.log()).sum(-1)
    torch.testing.assert_close(score("confidence", chance.log() + 3), chance.amax(-1).log())
    torch.testing.assert_close(score("entropy", chance.log() + 3), -entropy)
    torch.testing.assert_close(score("margin", chance.log() + 3), torch.tensor([0.2, 0.97]))
    assert score("margin", torch.zeros(1, 1)) == 1


def test_calibrated_scores_are_the_lift_of_a_token_over_its_group() -> None:
    chance = torch.tensor([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.9, 0.05, 0.05]])
    group_N = torch.tensor([5, 5, 5, 2])
    mean = chance[:3].mean(0)
    want = [0.8 / float(mean[0]), 0.7 / float(mean[0]), 0.6 / float(mean[1]), 1.0]
    found = calibrated_scores(chance.log(), group_N).exp()
    assert found.tolist() == pytest.approx(want, rel=1e-5)
    assert score("confidence", chance.log()).argmax() == 3
    assert found.argmax() == 2  # the rare token that is sure, not the one that is likely everywhere


def test_gumbel_noise_falls_as_u_rises_and_is_standard() -> None:
    u_N = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    noise_N = gumbel(u_N)
    assert bool((noise_N.diff() < 0).all())
    assert float(noise_N.mean()) == pytest.approx(0.5772, abs=1e-3)
