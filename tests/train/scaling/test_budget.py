"""What docs/explanation/model-size.md says of large runs, held against small ones."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from triptych.model.network.attention import segment_mask
from triptych.model.network.flops import training_flops
from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.rope import rotation
from triptych.model.network.slices import Slices
from triptych.model.network.transformer import Block, Transformer
from triptych.schemas.config.model import ModelConfig
from triptych.schemas.vocabulary import Modality
from triptych.train.scaling.budget import LARGE, STATE, THREE_BILLION, layer_bytes, plan_facts, plan_table, preset_table

from ...model.conftest import VOCABULARY

SCALE = Path(__file__).parents[3] / "docs" / "explanation" / "model-size.md"


@pytest.mark.parametrize("table", [preset_table(), plan_facts(THREE_BILLION), plan_table(THREE_BILLION)])
def test_the_page_says_what_the_code_says(table: str) -> None:
    assert table in SCALE.read_text()


def test_steps_reach_the_tokens() -> None:
    a_step = THREE_BILLION.rows * THREE_BILLION.row_length
    assert (THREE_BILLION.steps - 1) * a_step < 6.4e12 <= THREE_BILLION.steps * a_step


def test_operations_are_those_of_flops() -> None:
    # a step of one-modality segments of 1,300 tokens, half of each asked for
    slices = Slices.of(LARGE)
    length = torch.full((30,), 1300)
    widths = dict(enumerate(slices.widths))
    groups = [(1, 30 * 650)]
    flops = training_flops(THREE_BILLION.shape, slices, length, groups)
    plan = replace(THREE_BILLION, share={Modality.TEXT: 1.0})
    assert plan.flops_per_token == pytest.approx(flops.total / (30 * 1300), rel=1e-6)
    assert widths[1] == 100_278


@pytest.mark.parametrize("config", [ModelConfig(depth=2), ModelConfig(depth=2, mlp_ratio=4)])
def test_bytes_of_a_layer_are_what_autograd_keeps(config: ModelConfig) -> None:
    shape = shape_of(config)
    block = Block(shape).bfloat16()
    x = torch.randn(1, 512, shape.width, dtype=torch.bfloat16, requires_grad=True)
    turn = rotation(torch.arange(512)[None], shape.head_size)
    known = {tensor.untyped_storage().data_ptr() for tensor in (*block.parameters(), *turn)}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = block(x, turn, segment_mask(torch.ones(1, 512, dtype=torch.int32), False))
    assert sum(kept.values()) / 512 == pytest.approx(layer_bytes(shape), rel=0.03)
    assert y.dtype == torch.bfloat16


def test_bytes_of_a_checkpoint_are_those_of_its_tensors() -> None:
    model = Transformer(shape_of(ModelConfig(depth=1)), VOCABULARY)
    initialise(model, 0)
    optimizer = torch.optim.AdamW(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    tensors = [*model.parameters(), *model.parameters()]  # and the EMA
    tensors += [value for state in optimizer.state.values() for value in state.values()]
    counted = STATE * model.shape.parameters(VOCABULARY).total
    assert sum(tensor.numel() * tensor.element_size() for tensor in tensors) == pytest.approx(counted, rel=1e-3)


def test_memory_is_what_it_is_made_of() -> None:
    kept, again = (THREE_BILLION.memory(64, recompute=recompute) for recompute in (False, True))
    counts = THREE_BILLION.shape.parameters(LARGE)
    assert kept.sharded == 20 * counts.total / 64
    assert kept.total > again.total == sum(again)
    assert THREE_BILLION.memory(128, recompute=True).sharded == kept.sharded / 2
