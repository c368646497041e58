"""Bits per token and per size, with standard errors, worked out by hand for three segments."""

import math

import pytest
import torch

from triptych.model.diffusion.loss_sums import LossSums
from triptych.model.diffusion.noised_batch import NoisedBatch
from triptych.model.diffusion.tasks import TASKS
from triptych.model.network.inputs import Inputs
from triptych.schemas.config.model import Task
from triptych.schemas.vocabulary import Modality

TEXT, T2I = TASKS.index(Task.TEXT), TASKS.index(Task.T2I)
# modalities: special, text, image, audio
TOKENS = [[0, 10, 0, 0], [0, 20, 0, 0], [0, 0, 16, 0]]
SIZES = [[0, 40, 0, 0], [0, 80, 0, 0], [0, 0, 64, 0]]
BITS = [[0.0, 20, 0, 0], [0, 100, 0, 0], [0, 0, 48, 0]]


def sums(*segments: int) -> LossSums:
    """Sums over some of the segments: two texts, and an image without its condition."""
    none = torch.zeros(0, dtype=torch.int64)
    row = torch.zeros(1, 1, dtype=torch.int64)
    chosen = list(segments)
    corrupted = NoisedBatch(
        inputs=Inputs(row, row, row, row, none, none, (), False),
        weight_N=none.float(),
        share_N=none.float(),
        modality_N=none,
        segment_N=none,
        targets_SM=torch.tensor(TOKENS)[chosen],
        sizes_SM=torch.tensor(SIZES)[chosen],
        task_S=torch.tensor([TEXT, TEXT, T2I])[chosen],
        dropped_S=torch.tensor([False, False, True])[chosen],
    )
    return LossSums.of(corrupted, torch.tensor(BITS, dtype=torch.float64)[chosen] * math.log(2))


def test_bits_and_errors_are_those_of_a_ratio_of_sums() -> None:
    found = sums(0, 1, 2)
    bits = found.bits_per_token()
    assert list(bits) == [Modality.TEXT, Modality.IMAGE]
    assert bits[Modality.TEXT].mean == pytest.approx(4)  # 120 bits, 30 tokens
    assert bits[Modality.TEXT].error == pytest.approx(math.hypot(20 - 40, 100 - 80) / 30)
    assert bits[Modality.IMAGE].mean == pytest.approx(3)
    assert bits[Modality.IMAGE].error == pytest.approx(0, abs=1e-6)  # of a single segment
    assert found.bits_per_size() == pytest.approx({Modality.TEXT: 1.0, Modality.IMAGE: 0.75})
    assert found.tokens() == 46


def test_sums_of_parts_add_up_in_any_order() -> None:
    whole = sums(0, 1, 2).sums_FTM
    assert torch.allclose(sums(0).plus(sums(1)).plus(sums(2)).sums_FTM, whole)
    assert torch.allclose(sums(2, 1).plus(sums(0)).sums_FTM, whole)


def test_tasks_are_kept_apart_by_their_condition() -> None:
    found = sums(0, 1, 2)
    assert found.of_task(TEXT).tokens() == 30
    assert found.of_task(T2I).tokens() == 0
    assert found.of_task(T2I).bits_per_token() == {}
    dropped = found.of_task(T2I + len(TASKS))
    assert dropped.tokens() == 16
    assert list(dropped.bits_per_token()) == [Modality.IMAGE]
