"""P10: what one segment holds changes no bit of what is said in another; packed is alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.network import transformer
from triptych.model.network.attention import AttentionBackend, Mask, attend
from triptych.model.network.init import initialise
from triptych.model.network.inputs import Inputs
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import AutoregressiveObjective, MaskedObjective, ModelConfig, ObjectiveConfig

from ..conftest import VOCABULARY, Sample, pack, random_rows

LENGTH = 96
OBJECTIVES: list[ObjectiveConfig] = [MaskedObjective(), AutoregressiveObjective(kind="autoregressive")]


def model(way: AttentionBackend | None = None) -> Transformer:
    made = Transformer(shape_of(ModelConfig(depth=2, width=128)), VOCABULARY, attention=way)
    initialise(made, 0)
    # norms that do something, and logits that are not all alike
    generator = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return made.eval()


def inputs(rows: list[list[Sample]], objective: ObjectiveConfig) -> Inputs:
    made = model()
    places = RowPlacement(0, torch.arange(len(rows)), len(rows))
    return corrupt(pack(rows, LENGTH), objective, made.slices, 0, places).inputs


@pytest.mark.filterwarnings("ignore:(?s).*flex_attention")
@pytest.mark.parametrize("way", ["dense", "split", "flex"])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.kind)
@torch.no_grad()
def test_perturbing_a_segment_changes_no_bit_elsewhere(
    way: AttentionBackend, objective: ObjectiveConfig, draw: np.random.Generator
) -> None:
    clean = inputs(random_rows(draw, 2, LENGTH), objective)
    made = model(way)
    before = made.hidden_states(clean)
    segment = clean.segment_BL.flatten()[clean.query_N]
    row = clean.query_N // LENGTH
    assert int(clean.segment_BL[0].max()) >= 3
    for number in range(1, int(clean.segment_BL[0].max()) + 1):
        noise = torch.from_numpy(draw.integers(0, VOCABULARY.size, LENGTH))
        tokens = clean.tokens_BL.clone()
        tokens[0] = torch.where(clean.segment_BL[0] == number, noise, tokens[0])
        after = made.hidden_states(replace(clean, tokens_BL=tokens))
        here = (segment == number) & (row == 0)
        assert torch.equal(before[~here], after[~here])
        assert not bool(here.any()) or not torch.equal(before[here], after[here])


@torch.no_grad()
def test_nor_does_padding(draw: np.random.Generator) -> None:
    clean = inputs([[Sample(text=[1, 2, 3])]], MaskedObjective())
    tokens = torch.where(clean.segment_BL == 0, 300, clean.tokens_BL)
    made = model()
    assert torch.equal(made.hidden_states(clean), made.hidden_states(replace(clean, tokens_BL=tokens)))


@pytest.mark.parametrize("way", ["dense", "split"])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.kind)
@torch.no_grad()
def test_packed_is_alone(way: AttentionBackend, objective: ObjectiveConfig, draw: np.random.Generator) -> None:
    rows = random_rows(draw, 2, LENGTH)
    packed = inputs(rows, objective)
    made = model(way)
    nats, _ = made(packed)
    for r, s in [(0, 1), (0, 2), (1, 1)]:
        (at,) = (packed.segment_BL[r] == s).nonzero(as_tuple=True)
        begin, end = int(at[0]), int(at[-1]) + 1
        inside = ((packed.query_N >= r * LENGTH + begin) & (packed.query_N < r * LENGTH + end)).nonzero()[:, 0]
        slices = torch.repeat_interleave(*torch.tensor(packed.groups).T)[inside]
        index, counts = torch.unique_consecutive(slices, return_counts=True)
        alone = Inputs(
            packed.tokens_BL[r : r + 1, begin:end],
            packed.segment_BL[r : r + 1, begin:end],
            packed.position_BL[r : r + 1, begin:end],
            packed.slice_BL[r : r + 1, begin:end],
            packed.query_N[inside] - r * LENGTH - begin,
            packed.class_N[inside],
            tuple(zip(index.tolist(), counts.tolist(), strict=True)),
            packed.causal,
        )
        torch.testing.assert_close(made(alone)[0], nats[inside], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_control_sees_nothing_to_come(draw: np.random.Generator) -> None:
    clean = inputs([[Sample(text=draw.integers(0, 40, 50).tolist())]], OBJECTIVES[1])
    made = model()
    before = made.hidden_states(clean)
    tokens = clean.tokens_BL.clone()
    tokens[0, 30:] = 260
    after = made.hidden_states(replace(clean, tokens_BL=tokens))
    assert torch.equal(before[:30], after[:30])
    assert not torch.isclose(before[30:], after[30:]).all(-1).any()


def test_every_parameter_has_a_gradient(draw: np.random.Generator) -> None:
    made = model().train()
    asked = inputs(random_rows(draw, 4, LENGTH), MaskedObjective())
    made(asked)[0].sum().backward()
    assert [name for name, parameter in made.named_parameters() if parameter.grad is None] == []
    unused = {name for name, p in made.named_parameters() if p.grad is not None and not bool(p.grad.any())}
    assert unused == set()


def test_attention_gets_one_type_when_autocast_norms_in_float32(
    monkeypatch: pytest.MonkeyPatch, draw: np.random.Generator
) -> None:
    # as on a GPU from torch 2.12 on; on a CPU autocast leaves norms in bfloat16
    found: list[set[torch.dtype]] = []

    def attend_seen(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: Mask) -> torch.Tensor:
        found.append({q.dtype, k.dtype, v.dtype})
        return attend(q, k, v, mask)

    monkeypatch.setattr(transformer, "attend", attend_seen)
    network = model()
    for module in network.modules():
        if isinstance(module, torch.nn.RMSNorm):
            module.register_forward_hook(lambda norm, given, out: out.float())
    with torch.autocast("cpu", torch.bfloat16):
        network(inputs(random_rows(draw, 2, LENGTH), MaskedObjective()))
    assert found == [{torch.bfloat16}] * len(network.blocks)
