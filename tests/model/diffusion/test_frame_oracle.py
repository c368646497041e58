"""The bound is the likelihood in both layouts of audio: what the network sees in one it sees in the other."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.loss import loss
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.network.frames import merge_frames
from triptych.model.network.inputs import Inputs
from triptych.model.network.slices import Slices
from triptych.model.sampling.canvas import inputs_of
from triptych.model.sampling.sampler import sample
from triptych.schemas.config.model import MaskedObjective, Task
from triptych.schemas.config.sampling import SamplingConfig
from triptych.schemas.vocabulary import Kind
from triptych.train.evaluate.likelihood.bound import bound, chain_rule
from triptych.train.evaluate.likelihood.reader import ModelReader, TokenScores

from ..canvases import canvas
from ..conftest import Sample, pack
from ..frame_source import FIRST, FRAMES, SIZES, STARTS, VOCABULARY, FrameOracle, FrameSource

SOURCE = FrameSource()
ORACLE, SLICES, LEVELS = FrameOracle(SOURCE), Slices.of(VOCABULARY), len(SIZES)
T2S = {Kind.AUDIO_TEXT: {Task.T2S: 1.0}}


def parallel(inputs: Inputs) -> Inputs:
    return merge_frames(inputs, FIRST, LEVELS)


def clips(count: int, seed: int = 0) -> list[Sample]:
    draw = np.random.default_rng(seed)
    return [Sample(text=[0] * (i % 3), audio=SOURCE.draw(draw)) for i in range(count)]


@pytest.mark.parametrize(
    "objective",
    [
        MaskedObjective(tasks=T2S),
        MaskedObjective(tasks=T2S, anti_masking=True),
        MaskedObjective(tasks=T2S, estimator="bernoulli", schedule="cosine"),
    ],
    ids=["exact-k", "complement", "bernoulli"],
)
def test_the_training_loss_is_the_likelihood_and_the_same_in_both_layouts(objective: MaskedObjective) -> None:
    rows = [clips(2, seed) for seed in range(4)]
    batch = pack(rows, 2 * (LEVELS * FRAMES + 8), vocabulary=VOCABULARY)
    truth_S = torch.tensor([SOURCE.nats(sample.audio or []) for row in rows for sample in row])
    off = []
    for step in range(60):
        again = replace(batch, epoch_B=torch.full((4,), step))
        flat = corrupt(again, objective, SLICES, 0, RowPlacement(step, torch.arange(4), 4))
        merged = replace(flat, inputs=parallel(flat.inputs))
        both = [loss(ORACLE, out, objective) for out in (flat, merged)]
        assert torch.equal(both[0].nats_SM, both[1].nats_SM)
        off.append(float((both[1].nats_SM.sum(1) - truth_S).mean()))
    assert abs(np.mean(off)) < 4 * np.std(off, ddof=1) / len(off) ** 0.5


def score(inputs: Inputs) -> TokenScores:
    nats_N, _ = ORACLE(parallel(inputs))
    return TokenScores(nats_N, nats_N < 0.5)


def test_the_bound_over_all_masks_and_the_chain_rule_are_exact() -> None:
    samples = clips(6)
    open_ = canvas(samples, [Task.T2S] * len(samples), vocabulary=VOCABULARY)
    reader = ModelReader(score, SLICES, causal=False)
    truth_S = torch.tensor([SOURCE.nats(sample.audio or []) for sample in samples], dtype=torch.float64)
    found = bound(reader, open_, passes=1 << (LEVELS * FRAMES))  # all masks of so few codes
    assert not bool(found.error_S.any())
    torch.testing.assert_close(found.nats_S, truth_S, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(chain_rule(reader, open_, seed=1).nats_S, truth_S, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("given", [0, 3])
def test_samples_one_code_a_step_have_the_distribution_of_the_source(given: int) -> None:
    """Also a continuation, of which the first codes are given, some of a frame."""
    count, beginning = 1500, SOURCE.draw(np.random.default_rng(5))[:given]
    codes = beginning + [0] * (LEVELS * FRAMES - given)
    open_ = canvas([Sample(text=[1], audio=codes)] * count, [Task.T2S] * count, vocabulary=VOCABULARY)
    order_T = open_.position_T - open_.position_T[open_.target_T].min()
    open_ = replace(open_, target_T=open_.target_T & (order_T >= given))
    config = SamplingConfig(rule="first-hitting", steps=LEVELS * FRAMES - given)
    sampled_T = sample(lambda inputs: ORACLE.logits(parallel(inputs)), open_, SLICES, config, 0).tokens_T
    made = (sampled_T[open_.slice_T >= FIRST].view(count, FRAMES, LEVELS) - STARTS).flatten(1)
    clips_AN = SOURCE.clips_AFK.flatten(1)
    possible_A = (clips_AN[:, :given] == torch.tensor(beginning, dtype=torch.int64)).all(1)
    chance_A = SOURCE.chance_A * possible_A / SOURCE.chance_A[possible_A].sum()
    index = {tuple(clip): at for at, clip in enumerate(clips_AN.tolist())}
    counts_A = torch.bincount(torch.tensor([index[tuple(one)] for one in made.tolist()]), minlength=len(chance_A))
    variation = float((counts_A / count - chance_A).abs().sum()) / 2
    # of as many independent draws the total variation is sum of sqrt(2 p (1 - p) / (pi n)) / 2
    floor = float((2 * chance_A * (1 - chance_A) / np.pi / count).sqrt().sum()) / 2
    assert variation < 1.3 * floor


def test_a_merged_row_has_a_position_a_frame() -> None:
    samples = [Sample(text=[1, 2], image=[0, 1], audio=[0, 1, 2, 0, 1, 1]), Sample(text=[3])]
    open_ = canvas(samples, [Task.JOINT, Task.TEXT], vocabulary=VOCABULARY)
    inputs, query_N = inputs_of(open_, SLICES, open_.masked_tokens, open_.target_T)
    merged = parallel(inputs)
    assert merged.frames is not None
    kept = merged.segment_BL[0] > 0
    assert int(kept.sum()) == inputs.tokens_BL.shape[1] - FRAMES * (LEVELS - 1)
    lengths = torch.unique_consecutive(merged.segment_BL[0][kept], return_counts=True)[1].tolist()
    assert merged.position_BL[0][kept].tolist() == [place for length in lengths for place in range(length)]
    codebook_N = open_.slice_T[query_N]
    per_frame = [merged.query_N[codebook_N == FIRST + level].tolist() for level in range(LEVELS)]
    assert per_frame[0] == per_frame[1] == merged.frames.at_P.tolist()
