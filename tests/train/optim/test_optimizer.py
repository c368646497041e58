"""Groups of AdamW by type, CompleteP's factors, and activations that keep their scale over width and depth."""

from dataclasses import replace

import pytest
import torch

from triptych.model.network.init import ParameterType, initialise, parameter_types
from triptych.model.network.inputs import Inputs
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import ModelConfig
from triptych.schemas.vocabulary import Special, Vocabulary
from triptych.train.optim.batch_scaling import AdamSettings, MuonSettings
from triptych.train.optim.optimizer import factors, make_optimizer, set_hyperparameters, set_lr

VOCABULARY = Vocabulary(text=200, image=64, audio=(32, 32))
SETTINGS = AdamSettings(lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
WITH_MUON = replace(SETTINGS, muon=MuonSettings(lr=0.02, momentum=0.95, weight_decay=0.1))
BOTH = pytest.mark.parametrize("settings", [SETTINGS, WITH_MUON], ids=["adamw", "muon"])


def make(width: int, depth: int, base: tuple[int, int] = (128, 2)) -> Transformer:
    config = ModelConfig(width=width, depth=depth, base_width=base[0], base_depth=base[1])
    model = Transformer(shape_of(config), VOCABULARY)
    initialise(model, 0)
    return model


def groups(model: Transformer) -> dict[ParameterType, dict[str, float]]:
    """Settings of each type, from the groups that hold its parameters."""
    optimizer = make_optimizer(model, SETTINGS)
    where = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    by_name = dict(model.named_parameters())
    return {kind: where[id(by_name[name])] for name, kind in parameter_types(model)}


@BOTH
def test_every_parameter_is_in_one_group(settings: AdamSettings) -> None:
    model = make(128, 2)
    optimizer = make_optimizer(model, settings)
    ids = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    assert sorted(ids) == sorted(id(parameter) for parameter in model.parameters())


@BOTH
def test_matrices_of_the_layers_alone_are_decayed(settings: AdamSettings) -> None:
    model = make(128, 2)
    decayed = {
        id(p)
        for group in make_optimizer(model, settings).param_groups
        if group["weight_decay"]
        for p in group["params"]
    }
    for name, parameter in model.named_parameters():
        inside = name.startswith("blocks.") and parameter.ndim == 2
        assert (id(parameter) in decayed) == inside, name


@BOTH
def test_rows_without_a_gradient_do_not_shrink(settings: AdamSettings) -> None:
    model = make(128, 2)
    optimizer = make_optimizer(model, settings)
    before = model.tokens.weight.detach().clone()
    for _ in range(3):
        nats, _ = model(text_inputs())
        nats.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    image = VOCABULARY.slices[2]
    assert torch.equal(model.tokens.weight[image.start : image.stop], before[image.start : image.stop])
    assert not torch.equal(model.tokens.weight, before)


def test_at_the_base_every_factor_is_one() -> None:
    for kind, group in groups(make(128, 2)).items():
        assert group["lr"] == pytest.approx(SETTINGS.lr)
        assert group["eps"] == pytest.approx(SETTINGS.eps)
        assert group["weight_decay"] == (SETTINGS.weight_decay if kind is ParameterType.HIDDEN else 0)


def test_factors_are_those_of_complete_p() -> None:
    shape = shape_of(ModelConfig(width=512, depth=8, base_width=128, base_depth=2))  # four times as wide and deep
    found = {kind: factors(kind, shape) for kind in ParameterType}
    lr = {
        "embedding": 1,
        "hidden": 1 / 4,
        "norm": 1,
        "qk_norm": 1,
        "final_norm": 1,
        "unembedding": 1 / 4,
        "head_bias": 1,
    }
    eps = {
        "embedding": 1 / 4,
        "hidden": 1 / 16,
        "norm": 1 / 16,
        "qk_norm": 1 / 4,
        "final_norm": 1,
        "unembedding": 1,
        "head_bias": 1,
    }
    for kind, factor in found.items():
        assert factor.lr == pytest.approx(lr[kind])
        assert factor.eps == pytest.approx(eps[kind])
    assert found[ParameterType.HIDDEN].weight_decay == pytest.approx(4)  # lr × decay stays what it was


@BOTH
def test_the_schedule_scales_every_group(settings: AdamSettings) -> None:
    optimizer = make_optimizer(make(256, 4), settings)
    heights = [group["lr"] for group in optimizer.param_groups]
    set_lr(optimizer, 0.25)
    set_lr(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([height / 2 for height in heights])


def text_inputs() -> Inputs:
    """Rows of one text each, every other token of it masked and asked for."""
    generator = torch.Generator().manual_seed(0)
    rows, length = 4, 64
    start = VOCABULARY.slices[1].start
    tokens = torch.randint(start, start + VOCABULARY.text, (rows, length), generator=generator)
    place = torch.arange(0, rows * length, 2)
    shown = tokens.clone()
    shown.view(-1)[place] = Special.MASK
    return Inputs(
        tokens_BL=shown,
        segment_BL=torch.ones(rows, length, dtype=torch.int32),
        position_BL=torch.arange(length, dtype=torch.int32).expand(rows, length),
        slice_BL=torch.ones(rows, length, dtype=torch.int64),
        query_N=place,
        class_N=tokens.flatten()[place] - start + 1,
        groups=((1, len(place)),),
        causal=False,
    )


def moved(width: int, depth: int, *, settings: AdamSettings = SETTINGS, scaled: bool = True) -> float:
    """How far eight steps move the states after the last layer, root mean square."""
    model, inputs = make(width, depth), text_inputs()
    plain = torch.optim.AdamW(model.parameters(), lr=SETTINGS.lr, betas=SETTINGS.betas, weight_decay=0)
    optimizer = make_optimizer(model, settings) if scaled else plain
    states: list[torch.Tensor] = []
    model.blocks[-1].register_forward_hook(lambda module, given, out: states.append(out.detach()))
    for _ in range(8):
        nats, _ = model(inputs)
        nats.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    model(inputs)
    return float((states[-1] - states[0]).square().mean().sqrt())


@BOTH
def test_states_move_alike_at_every_width(settings: AdamSettings) -> None:
    base = moved(128, 2, settings=settings)
    assert [moved(width, 2, settings=settings) / base for width in (64, 256, 512)] == pytest.approx([1.0] * 3, abs=0.2)


def test_states_do_not_move_alike_without_factors() -> None:
    assert moved(512, 2, scaled=False) / moved(128, 2) > 1.6


def test_states_move_alike_at_every_depth() -> None:
    base = moved(64, 2)
    assert [moved(64, depth) / base for depth in (4, 8, 16)] == pytest.approx([1.0] * 3, abs=0.35)


def test_states_move_alike_at_every_depth_from_four_with_muon() -> None:
    base = moved(64, 4, settings=WITH_MUON)  # against two layers, deeper ones move about half as far
    assert [moved(64, depth, settings=WITH_MUON) / base for depth in (8, 16, 32)] == pytest.approx([1.0] * 3, abs=0.35)


def test_loaded_settings_are_replaced_group_by_group() -> None:
    model = make(256, 4)
    optimizer, other = (make_optimizer(model, settings) for settings in (WITH_MUON, replace(WITH_MUON, lr=3e-3)))
    set_hyperparameters(optimizer, model, replace(WITH_MUON, lr=3e-3))
    plain = [
        [{k: v for k, v in group.items() if k != "params"} for group in each.param_groups]
        for each in (optimizer, other)
    ]
    assert plain[0] == plain[1]
