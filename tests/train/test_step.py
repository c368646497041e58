"""Gradients of a step are those of the mean over the targets of the whole batch, however it is cut."""

import numpy as np
import pytest
import torch

from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.loss import loss
from triptych.model.diffusion.loss_sums import LossSums
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.network.flops import training_flops
from triptych.model.network.presets import Shape
from triptych.model.network.slices import Slices
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.training import TrainConfig
from triptych.train.data.loader import MicroBatch
from triptych.train.distributed.parallel import Parallel
from triptych.train.distributed.process_group import ProcessGroup
from triptych.train.step import Gradients

from ..model.conftest import VOCABULARY, pack, random_rows

SHAPE = Shape(depth=1, width=64, head_size=64, hidden=128, width_ratio=0.125, depth_ratio=0.25, alpha=1.0)
SLICES = Slices.of(VOCABULARY)
CONFIG = TrainConfig.model_validate(
    {
        "out": "run",
        "steps": 1,
        "seed": 9,
        "data": {"datasets": [{"path": "data", "weight": 1.0}], "batch_tokens": 192},
        "model": {"depth": 1, "width": 64},
        "objective": {"kind": "masked", "anti_masking": True, "loss_weights": {"image": 0.5}},
        "compute": {"precision": "float32"},
    }
)
ROWS = random_rows(np.random.default_rng(2), 4, 48)


def gradients() -> Gradients:
    """Of a small model on a single process, which takes no part in any process group."""
    with torch.device("meta"):
        model = Transformer(SHAPE, VOCABULARY)
    process = ProcessGroup(0, 1, torch.device("cpu"))
    return Gradients(Parallel(model, CONFIG.compute, process, seed=1), CONFIG, SLICES)


def micros(*sizes: int) -> list[MicroBatch]:
    """The four rows in micro-batches of some sizes."""
    parts = torch.arange(4).split(list(sizes))
    batches = [pack([ROWS[i] for i in part.tolist()], 48, numbers=part.tolist()) for part in parts]
    return [MicroBatch(batch, RowPlacement(3, part, 4)) for batch, part in zip(batches, parts, strict=True)]


def test_a_step_is_the_loss_of_the_batch_over_its_targets() -> None:
    step, (micro,) = gradients(), micros(4)
    result = step([micro], stop=False)
    corrupted = corrupt(micro.batch, CONFIG.objective, SLICES, 9, micro.placement)
    other = gradients().parallel.model
    parts = loss(other, corrupted, CONFIG.objective)
    torch.autograd.backward(parts.loss / int(corrupted.targets))
    for (name, mine), theirs in zip(step.parallel.model.named_parameters(), other.parameters(), strict=True):
        assert mine.grad is not None, name
        assert theirs.grad is not None, name
        assert torch.allclose(mine.grad, theirs.grad, atol=1e-7), name
    assert result.loss == pytest.approx(float(parts.loss.detach()) / int(corrupted.targets), rel=1e-5)
    assert torch.allclose(result.sums.sums_FTM, LossSums.of(corrupted, parts.nats_SM).sums_FTM)
    assert result.tokens == int((micro.batch.segment_BL > 0).sum())
    flops = training_flops(SHAPE, SLICES, micro.batch.length_S, corrupted.inputs.groups, copies=2)
    assert result.flops == pytest.approx(flops.total)
    assert not result.stop


@pytest.mark.parametrize("sizes", [(2, 2), (1, 3), (1, 1, 1, 1)])
def test_micro_batches_of_any_size_give_the_same_step(sizes: tuple[int, ...]) -> None:
    whole, cut = gradients(), gradients()
    wanted, found = whole(micros(4), stop=False), cut(micros(*sizes), stop=False)
    assert found.loss == pytest.approx(wanted.loss, rel=1e-5)
    assert found.tokens == wanted.tokens
    assert found.flops == pytest.approx(wanted.flops)
    assert torch.allclose(found.sums.sums_FTM, wanted.sums.sums_FTM, rtol=1e-4)
    for one, other in zip(cut.parallel.model.parameters(), whole.parallel.model.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.allclose(one.grad, other.grad, atol=1e-5)


def test_a_process_that_is_to_stop_says_so() -> None:
    assert gradients()(micros(4), stop=True).stop
