"""Sizes, and parameters counted by arithmetic and on the meta device."""

from typing import get_args

import pytest
import torch

from triptych.model.network.init import ParameterType, initial_value, initialise, parameter_types
from triptych.model.network.presets import PRESETS, shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import ModelConfig, Preset
from triptych.schemas.vocabulary import Vocabulary

from ..conftest import VOCABULARY

LARGE = Vocabulary(text=100_277, image=16_384, audio=(1024,) * 8)
CONFIGS = [
    *[ModelConfig(preset=name) for name in PRESETS],
    *[ModelConfig(depth=depth) for depth in (1, 2, 3, 7)],
    ModelConfig(depth=2, width=192),
    ModelConfig(depth=2, head_size=128, mlp_ratio=4),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("vocabulary", [VOCABULARY, LARGE, Vocabulary(text=27)], ids=["small", "large", "text"])
def test_arithmetic_counts_what_the_module_has(config: ModelConfig, vocabulary: Vocabulary) -> None:
    shape = shape_of(config)
    with torch.device("meta"):
        model = Transformer(shape, vocabulary)
    outer = {ParameterType.EMBEDDING, ParameterType.UNEMBEDDING, ParameterType.HEAD_BIAS}
    sizes = dict(model.named_parameters())
    embedding = sum(sizes[name].numel() for name, kind in parameter_types(model) if kind in outer)
    assert shape.parameters(vocabulary).embedding == embedding
    assert shape.parameters(vocabulary).total == sum(parameter.numel() for parameter in sizes.values())
    matrices = sum(sizes[name].numel() for name, kind in parameter_types(model) if kind == ParameterType.HIDDEN)
    assert shape.matmul == matrices


def test_presets_are_what_they_are_called() -> None:
    assert set(get_args(Preset)) == set(PRESETS)
    for name, (depth, width) in PRESETS.items():
        called = float(name[:-1]) * {"m": 1e6, "b": 1e9}[name[-1]]
        assert shape_of(ModelConfig(preset=name)).parameters(VOCABULARY).rest == pytest.approx(called, rel=0.12)
        assert name == "1m" or width == 128 * depth
    depths = [depth for name, (depth, _) in PRESETS.items() if name != "1m"]
    assert depths == sorted(depths)


def test_the_dial_is_width_128_times_depth() -> None:
    shape = shape_of(ModelConfig(depth=4))
    assert (shape.width, shape.heads, shape.hidden, shape.branch_scale) == (512, 8, 1408, 1.0)
    deep = shape_of(ModelConfig(depth=16, width=1024, alpha=0.5))
    assert (deep.width_ratio, deep.depth_ratio, deep.branch_scale) == (2.0, 4.0, 0.5)


def test_every_parameter_has_its_type() -> None:
    with torch.device("meta"):
        model = Transformer(shape_of(ModelConfig(depth=1)), VOCABULARY)
    assert dict(parameter_types(model)) == {
        "head.bias": "head_bias",
        "tokens.weight": "embedding",
        "kinds.weight": "embedding",
        "blocks.0.attention_norm.weight": "norm",
        "blocks.0.attention.qkv.weight": "hidden",
        "blocks.0.attention.q_norm.weight": "qk_norm",
        "blocks.0.attention.k_norm.weight": "qk_norm",
        "blocks.0.attention.out.weight": "hidden",
        "blocks.0.mlp_norm.weight": "norm",
        "blocks.0.mlp.up.weight": "hidden",
        "blocks.0.mlp.down.weight": "hidden",
        "norm.weight": "final_norm",
        "head.weight": "unembedding",
    }


def test_initial_values_have_the_scale_of_their_type_and_a_seed_of_their_own() -> None:
    model = Transformer(shape_of(ModelConfig(depth=2)), Vocabulary(text=2000))
    initialise(model, 0)
    values = dict(model.named_parameters())
    stds = {name: float(value.detach().std()) for name, value in values.items() if value.ndim == 2}
    assert stds["head.weight"] == pytest.approx(1 / 256, rel=0.02)
    assert stds["blocks.1.mlp.down.weight"] == pytest.approx(768**-0.5, rel=0.02)
    assert stds["blocks.1.attention.qkv.weight"] == pytest.approx(1 / 16, rel=0.02)
    vectors = {name: value for name, value in values.items() if value.ndim == 1}
    assert not vectors.pop("head.bias").any()  # until it is set from the data
    assert all(bool((value == 1).all()) for value in vectors.values())
    first, second = (values[f"blocks.{i}.attention.out.weight"] for i in (0, 1))
    assert not torch.equal(first, second)
    assert torch.equal(first, initial_value("blocks.0.attention.out.weight", first, 0))
    assert not torch.equal(first, initial_value("blocks.0.attention.out.weight", first, 1))
