"""What the guard leaves out, remembers, saves and ends."""

import math
from pathlib import Path

import pytest
import torch

from triptych.schemas.errors import Refusal
from triptych.train.optim.skip_steps import BROKEN, CULPRITS, PATIENCE, SPIKE, TRUSTED, YOUNG, SkipSteps


def test_numbers_that_are_none_are_left_out() -> None:
    guard = SkipSteps()
    assert guard.check(math.nan, 1.0, 7.0) == "the loss was nan"
    assert guard.check(1.0, math.inf, 7.0) == "the gradient's norm was inf"
    assert guard.check(1.0, 1.0, 7.0) is None
    assert guard.left_out == 2


def test_a_spike_is_one_beside_what_is_usual_and_not_at_the_start() -> None:
    guard = SkipSteps()
    for step in range(TRUSTED):
        assert guard.check(1.0, 100.0 if step == 3 else 2.0, 7.0) is None
    assert guard.check(1.0, 2.0 * SPIKE * 0.9, 7.0) is None
    wrong = guard.check(1.0, 3.0 * SPIKE, 7.0)
    assert wrong is not None
    assert "is usual" in wrong


def test_a_resumed_guard_judges_as_the_first_one_did() -> None:
    guard = SkipSteps()
    for step in range(TRUSTED + 5):
        guard.check(1.0, 1.0 + step % 3, 7.0)
    again = SkipSteps(**guard.state())
    for norm in (1.5, 10.0, 30.0, 60.0, math.nan):
        assert guard.check(1.0, norm, 7.0) == again.check(1.0, norm, 7.0)
    assert guard.state().keys() == again.state().keys()


def test_too_many_in_a_row_end_the_run_with_advice() -> None:
    guard = SkipSteps()
    for _ in range(PATIENCE - 1):
        assert guard.check(math.nan, 1.0, 7.0)
    with pytest.raises(Refusal, match=r"optimizer\.lr"):
        guard.check(math.nan, 1.0, 7.0)


def test_culprits_are_saved_but_not_without_end(tmp_path: Path) -> None:
    guard = SkipSteps()
    for step in range(CULPRITS + 3):
        guard.check(math.nan, 1.0, 7.0)
        guard.save_batch(tmp_path, step, 0, [])
    assert len(list(tmp_path.iterdir())) == CULPRITS
    assert torch.load(next(tmp_path.iterdir())) == []


def test_a_step_without_targets_says_nothing_about_what_is_usual() -> None:
    guard = SkipSteps()
    for step in range(3 * TRUSTED):
        assert guard.check(0.0 if step % 3 else 2.0, 1e-12 if step % 3 else 2.0, 0.0 if step % 3 else 5.0) is None
    assert (guard.seen, guard.left_out) == (TRUSTED, 0)


def test_a_state_is_sound_again_after_enough_accepted_steps() -> None:
    guard = SkipSteps()
    assert guard.sound
    guard.check(math.nan, 1.0, 7.0)
    for _ in range(TRUSTED):
        assert not guard.sound
        guard.check(1.0, 1.0, 7.0)
    assert guard.sound


def test_a_loss_that_only_broken_weights_have_is_left_out() -> None:
    guard = SkipSteps()
    for _ in range(YOUNG):
        assert guard.check(9.0, 1.0, 7.0, 832.0) is None
    assert guard.check(9.0, 1.0, 7.0, BROKEN) is None
    assert guard.check(9.0, 1.0, 7.0, 832.0) == "the loss was 832 times that of a uniform guess"
    assert (guard.seen, guard.left_out) == (YOUNG + 1, 1)
