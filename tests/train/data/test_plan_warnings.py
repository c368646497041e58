"""Warnings about rows that come twice in a batch, or too often in a run."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from triptych.train.data.mix import UNITS, apportion
from triptych.train.data.plan_warnings import repeat_warnings


def warned(rows_held: list[int], shares: list[float], rows: int, steps: int) -> list[str]:
    entries: Any = [SimpleNamespace(path=f"set{at}") for at in range(len(rows_held))]
    streams: Any = [SimpleNamespace(entry=at, group="text", rows=held) for at, held in enumerate(rows_held)]
    return list(repeat_warnings(entries, streams, apportion(shares), rows, steps))


def test_nothing_is_said_of_a_mix_that_repeats_little() -> None:
    assert warned([1000, 500], [2.0, 1.0], 30, 50) == []
    assert warned([100], [1.0], 10, 40) == []


def test_a_batch_with_a_row_twice_is_named() -> None:
    (line,) = warned([1000, 4], [1.0, 1.0], 16, 1)
    assert line.startswith("set1, text: a batch takes about 8 of its rows, but it has 4")


@pytest.mark.parametrize("steps", [41, 100])
def test_more_than_four_epochs_are_named(steps: int) -> None:
    (line,) = warned([100], [1.0], 10, steps)
    assert f"its rows are read {steps / 10:.1f} times" in line


def test_shares_are_those_of_the_plan() -> None:
    assert int(np.sum(apportion([1.0, 3.0]))) == UNITS
