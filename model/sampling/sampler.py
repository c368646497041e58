"""The sampler: in each step places are chosen, then tokens are drawn there and nowhere else.

What is drawn for a segment is a function of (seed, its key, place, step): it does not depend on which segments are
sampled beside it. There is no loop over segments; a step that says nothing asks nothing, so that no prediction is made
twice.

Shapes are named by suffix: S segments, G groups of places (blocks.py), T tokens of all segments, N places asked for.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch

from ...schemas.config.sampling import BLIND, SamplingConfig
from ...schemas.vocabulary import Special
from ..keyed_random import RandomStream, bits, to_unit
from ..network.slices import Slices
from .blocks import Blocks, blocks_of
from .canvas import Canvas
from .guidance import guidance_weights
from .query import Prediction, PredictLogits, query, with_eos
from .sample_token import sample_classes
from .unmask_rules import ADAPTIVE, annealed_scores, within_entropy_bound, descending, select_lowest, remdm_loop_share, remdm_probabilities, score, above_threshold
from .unmask_schedule import counts, unmasked_share

EVERY = slice(None)


class Sampled(NamedTuple):
    """A canvas, said."""

    tokens_T: torch.Tensor  # int64
    calls: int  # of the model, each over the segments that had something to say; a guided one counts twice


@torch.no_grad()
def sample(predict: PredictLogits, canvas: Canvas, slices: Slices, config: SamplingConfig, seed: int) -> Sampled:
    """Say every open place of the canvas.

    `ask` gives float32 logits (n, C) for each of `inputs.groups`, in that order. Given places never change, and a
    place gets an id of its own slice. EOS stands at the last place of a text and nowhere else.
    """
    canvas = with_eos(canvas)
    run = _Run(predict, canvas, slices, config, seed, blocks_of(canvas, config.block))
    input_T, masked_T, step, calls = canvas.masked_tokens, canvas.target_T, 0, 0
    while bool(masked_T.any()) if config.rule in ADAPTIVE else step < config.steps:
        now = run.step(step, input_T, masked_T)
        input_T, masked_T, step, calls = now.input_T, now.target_T, step + 1, calls + now.calls
    return Sampled(torch.where(canvas.hidden_T, canvas.tokens_T, input_T), calls)


class _Now(NamedTuple):
    input_T: torch.Tensor
    masked_T: torch.Tensor
    calls: int


@dataclass(frozen=True)
class _Run:
    predict: PredictLogits
    canvas: Canvas  # open is what was open at first
    slices: Slices
    config: SamplingConfig
    seed: int
    blocks: Blocks

    def step(self, step: int, input_T: torch.Tensor, masked_T: torch.Tensor) -> _Now:
        """Choose, ask, draw."""
        if self.config.rule in BLIND:
            query_T, back_T = self.without_asking(step, masked_T)
        else:
            query_T, back_T = self.worth_asking(step, masked_T), None
        calls = 0
        if bool(query_T.any()):
            guidance_S = self.guidance(masked_T)
            answer = query(self.predict, self.canvas, self.slices, input_T, query_T, guidance_S)
            if self.config.rule not in BLIND:
                answer = answer.select(self.best(step, masked_T, answer))
            query_N, token_N = answer.query_N, self.drawn(step, answer)
            input_T, masked_T = input_T.index_put((query_N,), token_N), masked_T.clone()
            masked_T[query_N] = False
            calls = 1 if guidance_S is None else 2
        if back_T is not None:
            input_T, masked_T = torch.where(back_T, int(Special.MASK), input_T), masked_T | back_T
        return _Now(input_T, masked_T, calls)

    def without_asking(self, step: int, masked_T: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Places to be said, and said ones to be masked again, by rules that need no predictions."""
        rule, blocks = self.config.rule, self.blocks
        if rule == "ancestral":
            return masked_T & (to_unit(self.order) < self.by_place(self.unmasked_share(step + 1))), None
        if rule == "first-hitting":
            query_N, count_G = masked_T.nonzero()[:, 0], self.counts(step, masked_T)
            chosen_T = torch.zeros_like(masked_T)
            chosen_T[query_N] = select_lowest(self.order[query_N], blocks.group_T[query_N], count_G)
            return chosen_T, None
        progress_G = blocks.progress(step, self.config.steps)
        unmasked_G, back_G = remdm_probabilities(
            rule, progress_G, self.unmasked_share(step), self.unmasked_share(step + 1), self.config.remask
        )
        chosen_T = masked_T & (to_unit(self.bits(RandomStream.UNMASK, step)) < self.by_place(unmasked_G))
        filled_T = self.canvas.target_T & ~masked_T
        return chosen_T, filled_T & (to_unit(self.bits(RandomStream.REMASK, step)) < self.by_place(back_G))

    def worth_asking(self, step: int, masked_T: torch.Tensor) -> torch.Tensor:
        """Open places of the groups in which something will be said."""
        if self.config.rule in ADAPTIVE:
            return masked_T & self.by_place(self.blocks.current(masked_T))
        return masked_T & self.by_place(self.counts(step, masked_T) > 0)

    def best(self, step: int, masked_T: torch.Tensor, answer: Prediction) -> torch.Tensor:
        """Which of the places asked for are said, by what the model is sure of."""
        config, group_N = self.config, self.blocks.group_T[answer.query_N]
        score_N = torch.cat([score(config.rule, one) for one in answer.logits])
        if config.rule == "threshold":
            return above_threshold(score_N.exp(), group_N, config.threshold)
        if config.rule == "entropy-bounded":
            return within_entropy_bound(-score_N, group_N, config.entropy_bound)
        if config.choice_temperature:
            u_N = to_unit(self.bits(RandomStream.UNMASK, step, answer.query_N))
            score_N = annealed_scores(score_N, u_N, config.choice_temperature, (step + 1) / config.steps)
        return select_lowest(descending(score_N), group_N, self.counts(step, masked_T))

    def drawn(self, step: int, answer: Prediction) -> torch.Tensor:
        """A token for each place answered for."""
        u_N = to_unit(self.bits(RandomStream.SAMPLE, step, answer.query_N))
        u = torch.split(u_N, [count for _, count in answer.groups])
        classes = [sample_classes(one, u_n, self.config) for one, u_n in zip(answer.logits, u, strict=True)]
        return answer.tokens(self.slices, classes)

    def unmasked_share(self, step: int) -> torch.Tensor:
        """(G,) share that is said after so many steps."""
        progress_G = self.blocks.progress(step, self.config.steps)
        return remdm_loop_share(progress_G) if self.config.rule == "remdm-loop" else unmasked_share(self.config.grid, progress_G)

    def counts(self, step: int, masked_T: torch.Tensor) -> torch.Tensor:
        """(G,) places to be said in a step."""
        return counts(self.blocks.masked_counts(masked_T), self.blocks.size_G, self.unmasked_share(step + 1))

    def by_place(self, value_G: torch.Tensor) -> torch.Tensor:
        """(T,) each place's group's value; 0 where nothing was ever open."""
        return torch.cat((value_G, value_G.new_zeros(1)))[self.blocks.group_T]

    def guidance(self, masked_T: torch.Tensor) -> torch.Tensor | None:
        """(S,) weights of guidance, of which there are none for segments without a condition; None: all 0."""
        if not self.config.guidance:
            return None
        size_S = torch.bincount(self.canvas.index_T[self.canvas.target_T], minlength=len(self.canvas.key_S))
        left_S = torch.bincount(self.canvas.index_T[masked_T], minlength=len(self.canvas.key_S))
        given_S = torch.bincount(self.canvas.index_T[self.canvas.given_T], minlength=len(self.canvas.key_S))
        weight_S = guidance_weights(self.config, 1 - left_S / size_S.clamp(min=1).double()) * (given_S > 0)
        return weight_S if bool(weight_S.any()) else None

    @cached_property
    def order(self) -> torch.Tensor:
        """Random bits of each place that stay the same in all steps."""
        return self.bits(RandomStream.UNMASK, 0)

    def bits(self, stream: RandomStream, step: int, query_N: torch.Tensor | slice = EVERY) -> torch.Tensor:
        """Random bits of places, fresh in each step."""
        index_N, position_N = self.canvas.index_T[query_N], self.canvas.position_T[query_N]
        return bits(self.seed, stream, self.canvas.key_S[index_N], position_N, torch.full_like(index_N[:1], step))
