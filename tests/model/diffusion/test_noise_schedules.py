"""P5: a schedule and its weight are one object, and fit."""

import pytest
import torch

from triptych.model.diffusion.noise_schedules import Cosine, Polynomial, Schedule, schedule_of
from triptych.schemas.config.model import MaskedObjective

SCHEDULES = [Polynomial(), Polynomial(2.0), Polynomial(0.5), Polynomial(3.0), Cosine()]
T = torch.linspace(0, 1, 20_001, dtype=torch.float64)[1:]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_weight_times_masked_integrates_to_one(schedule: Schedule) -> None:
    middle = T - (T[1] - T[0]) / 2
    weight = schedule.slope(middle) / schedule.mask_rate(middle)
    assert float((weight * schedule.mask_rate(middle)).mean()) == pytest.approx(1, abs=3e-3)
    assert float(schedule.mask_rate(T[-1:])) == pytest.approx(1)
    assert float(schedule.mask_rate(T[:1])) < 0.01


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_slope_is_the_derivative_and_time_the_inverse(schedule: Schedule) -> None:
    t = T[200:-200].clone().requires_grad_()
    (slope,) = torch.autograd.grad(schedule.mask_rate(t).sum(), t)
    torch.testing.assert_close(schedule.slope(t.detach()), slope)
    torch.testing.assert_close(schedule.time(schedule.mask_rate(t.detach())), t.detach())


def test_names() -> None:
    assert schedule_of(MaskedObjective()) == Polynomial(1)
    assert schedule_of(MaskedObjective(schedule="polynomial")) == Polynomial(2)
    assert schedule_of(MaskedObjective(schedule="polynomial", power=3)) == Polynomial(3)
    assert schedule_of(MaskedObjective(schedule="cosine")) == Cosine()
