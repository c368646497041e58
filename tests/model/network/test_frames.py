"""The parallel layout in the network: segments stay apart, all parameters learn, codes of a frame share a state."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.network.attention import AttentionBackend
from triptych.model.network.flops import segment_positions, training_flops
from triptych.model.network.init import initialise
from triptych.model.network.inputs import Inputs
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import MaskedObjective, ModelConfig
from triptych.schemas.vocabulary import Modality, Special

from ..conftest import VOCABULARY, Sample, pack, random_rows

LENGTH = 96
LEVELS = len(VOCABULARY.audio)
FIRST = next(i for i, block in enumerate(VOCABULARY.slices) if block.modality is Modality.AUDIO)


def model(way: AttentionBackend | None = None) -> Transformer:
    made = Transformer(shape_of(ModelConfig(depth=2, width=128, audio_layout="parallel")), VOCABULARY, attention=way)
    initialise(made, 0)
    generator = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return made.eval()


def inputs(rows: list[list[Sample]], objective: MaskedObjective | None = None) -> Inputs:
    places = RowPlacement(0, torch.arange(len(rows)), len(rows))
    return corrupt(pack(rows, LENGTH), objective or MaskedObjective(), model().slices, 0, places).inputs


@pytest.mark.filterwarnings("ignore:(?s).*flex_attention")
@pytest.mark.parametrize("way", ["dense", "split", "flex"])
@torch.no_grad()
def test_perturbing_a_segment_changes_no_bit_elsewhere(way: AttentionBackend, draw: np.random.Generator) -> None:
    clean = inputs(random_rows(draw, 2, LENGTH))
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
def test_each_code_of_a_frame_counts_and_all_share_one_state() -> None:
    clip = Sample(audio=[3, 4, 5, 6], text=[1])
    clean = inputs([[clip]], MaskedObjective(estimator="bernoulli"))
    audio_N = (clean.slice_BL.flatten() >= FIRST).nonzero()[:, 0]
    every = replace(
        clean,
        query_N=audio_N.view(-1, LEVELS).T.flatten(),
        class_N=torch.zeros(len(audio_N), dtype=torch.int64),
        groups=tuple((FIRST + level, len(audio_N) // LEVELS) for level in range(LEVELS)),
    )
    made = model()
    before = made.hidden_states(every).view(LEVELS, -1, 128)
    assert torch.equal(before[0], before[1])
    for at in audio_N.tolist():
        tokens = every.tokens_BL.clone()
        tokens[0, at] = int(Special.MASK) if tokens[0, at] != Special.MASK else 290
        assert not torch.isclose(
            made.hidden_states(replace(every, tokens_BL=tokens)).view(LEVELS, -1, 128), before
        ).all()


@torch.no_grad()
def test_without_audio_it_is_the_flat_layout(draw: np.random.Generator) -> None:
    rows = [[Sample(text=[1, 2, 3], image=[4] * 16), Sample(text=[5] * 9)], [Sample(text=[7] * 40)]]
    flat = Transformer(shape_of(ModelConfig(depth=2, width=128)), VOCABULARY).eval()
    made = model()
    flat.load_state_dict(made.state_dict())
    torch.testing.assert_close(made(inputs(rows))[0], flat(inputs(rows))[0], atol=1e-5, rtol=1e-5)


def test_rows_of_padding_alone_have_gradients_of_zero() -> None:
    made = model().train()
    zero_BL, none_N = torch.zeros(1, LENGTH, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    nothing = Inputs(zero_BL, zero_BL, zero_BL, zero_BL, none_N, none_N, groups=(), causal=False)
    made(nothing)[0].sum().backward()
    assert all(p.grad is not None and not bool(p.grad.any()) for p in made.parameters())


def test_every_parameter_has_a_gradient(draw: np.random.Generator) -> None:
    made = model().train()
    made(inputs(random_rows(draw, 4, LENGTH)))[0].sum().backward()
    assert [name for name, p in made.named_parameters() if p.grad is None or not bool(p.grad.any())] == []


@pytest.mark.parametrize("objective", [MaskedObjective(), MaskedObjective(anti_masking=True)])
def test_the_operations_are_those_that_are_counted(objective: MaskedObjective, draw: np.random.Generator) -> None:
    made = model()
    merged = made.arrange(inputs(random_rows(draw, 4, LENGTH), objective))
    lengths = segment_positions(merged.segment_BL)
    formula = training_flops(made.shape, made.slices, lengths, merged.groups)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        made(merged)[0].sum().backward()
    computed = formula.matrices * merged.tokens_BL.numel() / int(lengths.sum())  # the module multiplies padding
    assert counter.get_total_flops() == pytest.approx(computed + formula.attention + formula.head, rel=1e-6)
