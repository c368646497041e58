"""Initial values: their scale by type of parameter, and that each depends on its own name and the seed alone."""

import math

import pytest
import torch

from triptych.model.network.init import ParameterType, initial_value, initialise, parameter_types
from triptych.model.network.presets import Shape
from triptych.model.network.transformer import Transformer

from ..conftest import VOCABULARY

SHAPE = Shape(depth=1, width=128, head_size=64, hidden=384, width_ratio=0.25, depth_ratio=0.25, alpha=1.0)


def test_every_parameter_has_its_type() -> None:
    assert dict(parameter_types(Transformer(SHAPE, VOCABULARY))) == {
        "tokens.weight": ParameterType.EMBEDDING,
        "kinds.weight": ParameterType.EMBEDDING,
        "blocks.0.attention_norm.weight": ParameterType.NORM,
        "blocks.0.attention.qkv.weight": ParameterType.HIDDEN,
        "blocks.0.attention.q_norm.weight": ParameterType.QK_NORM,
        "blocks.0.attention.k_norm.weight": ParameterType.QK_NORM,
        "blocks.0.attention.out.weight": ParameterType.HIDDEN,
        "blocks.0.mlp_norm.weight": ParameterType.NORM,
        "blocks.0.mlp.up.weight": ParameterType.HIDDEN,
        "blocks.0.mlp.down.weight": ParameterType.HIDDEN,
        "norm.weight": ParameterType.FINAL_NORM,
        "head.weight": ParameterType.UNEMBEDDING,
    }


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("tokens.weight", 0.1),
        ("blocks.0.attention.qkv.weight", 1 / 16),  # 1 / sqrt(256)
        ("blocks.0.mlp.down.weight", 1 / 16),
        ("head.weight", 1 / 256),
    ],
)
def test_spread_follows_from_type_and_width(name: str, std: float) -> None:
    drawn = initial_value(name, torch.empty(200, 256), seed=5)
    assert (drawn.shape, drawn.dtype) == ((200, 256), torch.float32)
    assert float(drawn.std()) == pytest.approx(std, rel=0.02)
    assert abs(float(drawn.mean())) < 4 * std / math.sqrt(drawn.numel())


def test_gains_are_ones() -> None:
    for name in ("norm.weight", "blocks.3.mlp_norm.weight", "blocks.3.attention.q_norm.weight"):
        assert torch.equal(initial_value(name, torch.empty(7), seed=1), torch.ones(7))


def test_a_value_depends_on_its_name_and_the_seed_alone() -> None:
    model, deeper = (Transformer(shape, VOCABULARY) for shape in (SHAPE, Shape(2, 128, 64, 384, 0.25, 0.5, 1.0)))
    initialise(model, 4)
    initialise(deeper, 4)
    others = dict(deeper.named_parameters())
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, others[name]), name
        assert torch.equal(parameter, initial_value(name, parameter, 4)), name
    up = "blocks.{}.mlp.up.weight"
    assert not torch.equal(others[up.format(0)], others[up.format(1)])
    assert not torch.equal(initial_value(up.format(0), others[up.format(0)], 5), others[up.format(0)])
