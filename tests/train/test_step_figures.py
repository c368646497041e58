"""What a line of metrics says of its steps, also with a checkpoint in between."""

import json

import pytest
import torch

from triptych.model.diffusion.loss_sums import LossSums
from triptych.model.diffusion.tasks import TASKS
from triptych.schemas.vocabulary import Modality
from triptych.train.step_figures import StepFigures

FIELDS = 6


def sums(nats: float) -> LossSums:
    sums_FTM = torch.zeros(FIELDS, 2 * len(TASKS), len(Modality), dtype=torch.float64)
    sums_FTM[:3, 0, Modality.TEXT] = torch.tensor([nats, 4.0, 8.0])
    return LossSums(sums_FTM)


def test_a_line_covers_all_steps_since_the_line_before() -> None:
    figures = StepFigures()
    figures.add(sums(100.0), norm=9.0, clip=1.0)
    figures.take(None)
    figures.add(sums(1.0), norm=2.0, clip=1.0)
    figures.add(sums(3.0), norm=0.5, clip=1.0)
    losses, gradients = figures.take(None)
    both = StepFigures()
    both.add(sums(4.0).plus(sums(0.0)), norm=0.5, clip=1.0)
    assert losses == both.take(None)[0]
    assert gradients == {"grad_norm": 0.5, "clipped": 0.5}


@pytest.mark.parametrize("before", [0, 1])
def test_a_checkpoint_keeps_the_steps_without_a_line(before: int) -> None:
    whole, begun, resumed = StepFigures(), StepFigures(), StepFigures()
    for _ in range(before):
        whole.add(sums(5.0), norm=3.0, clip=1.0)
        begun.add(sums(5.0), norm=3.0, clip=1.0)
    resumed.add(sums(77.0), norm=8.0, clip=1.0)  # of steps that the checkpoint does not have
    resumed.load_state(json.loads(json.dumps(begun.state())))
    for figures in (whole, resumed):
        figures.add(sums(2.0), norm=0.5, clip=1.0)
    assert resumed.take(None) == whole.take(None)


def test_a_checkpoint_of_an_earlier_version_has_none() -> None:
    figures = StepFigures()
    figures.load_state({})
    figures.add(sums(2.0), norm=2.0, clip=1.0)
    assert figures.take(None)[1] == {"grad_norm": 2.0, "clipped": 1.0}
