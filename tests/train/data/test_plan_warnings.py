"""Warnings about rows that come twice in a batch, or too often in a run."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from triptych.schemas.config.model import AutoregressiveObjective, LossWeights, MaskedObjective, Task
from triptych.schemas.vocabulary import Kind
from triptych.train.data.mix import UNITS, apportion
from triptych.train.data.plan_warnings import loss_warnings, repeat_warnings


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


@pytest.mark.parametrize(
    ("weights", "kinds", "named"),
    [
        ({}, [Kind.TEXT], None),
        ({"text": 0}, [Kind.TEXT], "(text)"),
        ({"text": 0}, [Kind.TEXT, Kind.IMAGE_TEXT], None),
        ({"image": 0}, [Kind.IMAGE_TEXT], "(image)"),  # the only task is to predict it
        ({"text": 0, "image": 0}, [Kind.TEXT, Kind.IMAGE_TEXT], "(image, text)"),
        ({"text": 0, "image": 0, "audio": 0}, [Kind.TEXT], "(text)"),
    ],
)
def test_a_loss_of_which_nothing_is_learned_is_named(
    weights: dict[str, float], kinds: list[Kind], named: str | None
) -> None:
    given = LossWeights.model_validate(weights)
    masked = MaskedObjective(loss_weights=given, tasks={Kind.IMAGE_TEXT: {Task.T2I: 1.0, Task.I2T: 0.0}})
    found = list(loss_warnings(masked, kinds))
    assert [named in line for line in found if named] == ([True] if named else [])
    assert bool(found) == bool(named)


def test_a_control_learns_all_modalities() -> None:
    control = AutoregressiveObjective(kind="autoregressive", loss_weights=LossWeights(image=0))
    assert list(loss_warnings(control, [Kind.IMAGE_TEXT])) == []
