"""How far a training is, by the lines of its metrics."""

import pytest

from triptych.train.run_state import seconds_left, state_of


def test_states() -> None:
    assert state_of(0, 10, None) == "not started"
    assert state_of(3, 10, 5.0) == "training"
    assert state_of(3, 10, 500.0) == "stopped"
    assert state_of(10, 10, 500.0) == "finished"
    assert state_of(10, None, 500.0) == "stopped"


def test_the_time_that_is_left_is_that_of_the_last_lines() -> None:
    lines = [{"step": step, "tokens": 1000 * step, "tokens_per_second": 500.0} for step in (10, 20, 30)]
    assert seconds_left([*lines, {"step": 30, "split": "validation"}], 100) == pytest.approx(140)
    assert seconds_left(lines, 30) == 0
    assert seconds_left(lines[:1], 100) is None
    assert seconds_left(lines, None) is None
