"""Sampler of a masked model: each step chooses positions to unmask, then samples tokens at those positions only.

What is drawn for a segment is a function of (seed, key of the segment, position, step), so it does not depend on which
segments are sampled in the same batch. There is no loop over segments. The model is only called in steps that unmask
something, and only over the segments concerned.

Shapes are named by suffix: S segments, G groups of positions (blocks.py), T tokens of all segments, N queried
positions.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch

from ...schemas.config.sampling import BLIND, SamplingConfig
from ...schemas.vocabulary import Modality, Special
from ..keyed_random import RandomStream, bits, to_unit
from ..network.slices import Slices
from .blocks import Blocks, blocks_of
from .canvas import Canvas
from .guidance import guidance_weights
from .query import Prediction, PredictLogits, query, with_eos
from .sample_token import sample_classes
from .spread_order import spread_numbers
from .unmask_rules import (
    ADAPTIVE,
    above_threshold,
    annealed_scores,
    calibrated_scores,
    descending_keys,
    gumbel,
    remdm_loop_share,
    remdm_probabilities,
    score,
    select_lowest,
    within_entropy_bound,
)
from .unmask_schedule import unmask_counts, unmasked_share

ALL = slice(None)


class Sampled(NamedTuple):
    """A canvas with every target filled."""

    tokens_T: torch.Tensor  # int64
    calls: int  # of the model, each over the segments that it had to look at; a guided call counts twice


@torch.no_grad()
def sample(predict: PredictLogits, canvas: Canvas, slices: Slices, config: SamplingConfig, seed: int) -> Sampled:
    """Sample a token for every target position of the canvas.

    Given tokens never change, and a position gets an id of its own slice. EOS stands at the last position of a text and
    nowhere else.

    Args:
        predict: The model: float32 logits (n, C) for each of `inputs.groups`, in that order.
        canvas: Segments with given tokens and target positions.
        slices: Slices of the model's vocabulary.
        config: Unmask rule, number of steps, temperature, guidance and so on.
        seed: Seed of all draws.

    Returns:
        The token ids of the canvas, and the number of model calls.
    """
    canvas = with_eos(canvas)
    run = _SamplerRun(predict, canvas, slices, config, seed, blocks_of(canvas, config.block))
    input_T, masked_T, step, calls = canvas.masked_tokens, canvas.target_T, 0, 0
    while bool(masked_T.any()) if config.rule in ADAPTIVE else step < config.steps:
        state = run.step(step, input_T, masked_T)
        input_T, masked_T, step, calls = state.input_T, state.masked_T, step + 1, calls + state.calls
    return Sampled(torch.where(canvas.hidden_T, canvas.tokens_T, input_T), calls)


class _State(NamedTuple):
    """Result of a step: tokens, the positions still masked, and the model calls of the step."""

    input_T: torch.Tensor
    masked_T: torch.Tensor
    calls: int


@dataclass(frozen=True)
class _SamplerRun:
    """What stays the same in all steps."""

    predict: PredictLogits
    canvas: Canvas
    slices: Slices
    config: SamplingConfig
    seed: int
    blocks: Blocks

    def step(self, step: int, input_T: torch.Tensor, masked_T: torch.Tensor) -> _State:
        """Choose positions, call the model, and sample tokens there."""
        if self.config.rule in BLIND:
            query_T, remask_T = self.choose_blindly(step, masked_T)
        else:
            query_T, remask_T = self.candidates(step, masked_T), None
        calls = 0
        if bool(query_T.any()):
            guidance_S = self.guidance(masked_T)
            prediction = query(self.predict, self.canvas, self.slices, input_T, query_T, guidance_S)
            if self.config.rule not in BLIND:
                prediction = prediction.select(self.choose_by_score(step, masked_T, prediction))
            query_N, token_N = prediction.query_N, self.sample_tokens(step, prediction)
            input_T, masked_T = input_T.index_put((query_N,), token_N), masked_T.clone()
            masked_T[query_N] = False
            calls = 1 if guidance_S is None else 2
        if remask_T is not None:
            input_T, masked_T = torch.where(remask_T, int(Special.MASK), input_T), masked_T | remask_T
        return _State(input_T, masked_T, calls)

    def choose_blindly(self, step: int, masked_T: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Positions to unmask, and sampled positions to mask again, by the rules that need no predictions."""
        rule, blocks = self.config.rule, self.blocks
        if rule == "ancestral":
            return masked_T & (to_unit(self.order) < self.per_position(self.unmasked_share(step + 1))), None
        if rule in ("first-hitting", "halton"):
            masked_N, count_G = masked_T.nonzero()[:, 0], self.unmask_counts(step, masked_T)
            chosen_T = torch.zeros_like(masked_T)
            chosen_T[masked_N] = select_lowest(self.sort_keys[masked_N], blocks.group_T[masked_N], count_G)
            return chosen_T, None
        unmask_G, remask_G = remdm_probabilities(
            rule,
            blocks.progress(step, self.config.steps),
            self.unmasked_share(step),
            self.unmasked_share(step + 1),
            self.config.remask,
        )
        chosen_T = masked_T & (to_unit(self.bits(RandomStream.UNMASK, step)) < self.per_position(unmask_G))
        sampled_T = self.canvas.target_T & ~masked_T
        return chosen_T, sampled_T & (to_unit(self.bits(RandomStream.REMASK, step)) < self.per_position(remask_G))

    def candidates(self, step: int, masked_T: torch.Tensor) -> torch.Tensor:
        """Masked positions of the groups in which this step unmasks something."""
        if self.config.rule in ADAPTIVE:
            return masked_T & self.per_position(self.blocks.current(masked_T))
        return masked_T & self.per_position(self.unmask_counts(step, masked_T) > 0)

    def choose_by_score(self, step: int, masked_T: torch.Tensor, prediction: Prediction) -> torch.Tensor:
        """Which of the queried positions (bool) are unmasked, by the confidence of their predictions."""
        config, group_N = self.config, self.blocks.group_T[prediction.query_N]
        score_N = self.scores(prediction, group_N)
        if config.rule == "threshold":
            return above_threshold(score_N.exp(), group_N, config.threshold)
        if config.rule == "entropy-bounded":
            return within_entropy_bound(-score_N, group_N, config.entropy_bound)
        if config.choice_temperature:
            u_N = to_unit(self.bits(RandomStream.UNMASK, step, prediction.query_N))
            score_N = annealed_scores(score_N, u_N, config.choice_temperature, (step + 1) / config.steps)
        score_N = score_N - config.codebook_penalty * self.codebook[prediction.query_N]
        return select_lowest(descending_keys(score_N), group_N, self.unmask_counts(step, masked_T))

    def scores(self, prediction: Prediction, group_N: torch.Tensor) -> torch.Tensor:
        """Confidence of each prediction (N,)."""
        if not self.config.calibrate:
            return torch.cat([score(self.config.rule, logits_NC) for logits_NC in prediction.logits])
        groups = torch.split(group_N, [count for _, count in prediction.groups])
        return torch.cat([calibrated_scores(*pair) for pair in zip(prediction.logits, groups, strict=True)])

    def sample_tokens(self, step: int, prediction: Prediction) -> torch.Tensor:
        """Sample a token id for each queried position."""
        u_N = to_unit(self.bits(RandomStream.SAMPLE, step, prediction.query_N))
        u = torch.split(u_N, [count for _, count in prediction.groups])
        classes = [
            sample_classes(logits_NC, u_n, self.config) for logits_NC, u_n in zip(prediction.logits, u, strict=True)
        ]
        return prediction.tokens(self.slices, classes)

    def unmasked_share(self, step: int) -> torch.Tensor:
        """(G,) share of each group's positions that is unmasked after `step` steps."""
        progress_G = self.blocks.progress(step, self.config.steps)
        if self.config.rule == "remdm-loop":
            return remdm_loop_share(progress_G)
        return unmasked_share(self.config.grid, progress_G, self.config.time_shift)

    def unmask_counts(self, step: int, masked_T: torch.Tensor) -> torch.Tensor:
        """(G,) number of positions to unmask in a step."""
        return unmask_counts(self.blocks.masked_counts(masked_T), self.blocks.size_G, self.unmasked_share(step + 1))

    def per_position(self, value_G: torch.Tensor) -> torch.Tensor:
        """(T,) the value of each position's group; 0 for positions that are no targets."""
        return torch.cat((value_G, value_G.new_zeros(1)))[self.blocks.group_T]

    def guidance(self, masked_T: torch.Tensor) -> torch.Tensor | None:
        """(S,) guidance weights, 0 for segments without a condition; None if all are 0."""
        if not self.config.guidance:
            return None
        size_S = torch.bincount(self.canvas.index_T[self.canvas.target_T], minlength=len(self.canvas.key_S))
        left_S = torch.bincount(self.canvas.index_T[masked_T], minlength=len(self.canvas.key_S))
        given_S = torch.bincount(self.canvas.index_T[self.canvas.given_T], minlength=len(self.canvas.key_S))
        unmasked_S = 1 - left_S / size_S.clamp(min=1).double()
        weight_S = guidance_weights(self.config, unmasked_S) * (given_S > 0)
        return weight_S if bool(weight_S.any()) else None

    @cached_property
    def order(self) -> torch.Tensor:
        """(T,) random bits of each position that are the same in all steps."""
        return self.bits(RandomStream.UNMASK, 0)

    @cached_property
    def sort_keys(self) -> torch.Tensor:
        """(T,) sort keys of a rule whose order is known before any prediction."""
        if self.config.rule == "first-hitting" and not self.config.codebook_penalty:
            return self.order
        u_T = to_unit(self.order)
        if self.config.rule == "halton":
            u_T = spread_numbers(self.canvas, self.codebook, u_T[self.canvas.position_T == 0])
        return descending_keys(gumbel(u_T) - self.config.codebook_penalty * self.codebook)

    @cached_property
    def codebook(self) -> torch.Tensor:
        """(T,) number of each audio code's codebook; 0 for other tokens. Frames are whole, so the first one occurs."""
        audio_T = self.canvas.modality_T == Modality.AUDIO
        first = self.canvas.slice_T[audio_T].min() if bool(audio_T.any()) else 0
        return torch.where(audio_T, self.canvas.slice_T - first, 0)

    def bits(self, stream: RandomStream, step: int, query_N: torch.Tensor | slice = ALL) -> torch.Tensor:
        """Random bits of positions, by default of all, for one step."""
        index_N, position_N = self.canvas.index_T[query_N], self.canvas.position_T[query_N]
        return bits(self.seed, stream, self.canvas.key_S[index_N], position_N, torch.full_like(index_N[:1], step))
