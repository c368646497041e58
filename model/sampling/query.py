"""A query to the model while sampling: which segments go through the model, and what it predicts.

Segments without a queried position are left out of the row. The end of a text is fixed by its length, so EOS cannot be
predicted elsewhere: its class is cut off before anything is scored.

Shapes are named by suffix: S segments, T tokens of all segments, N queried positions, C classes of one slice.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Self

import torch

from ...schemas.vocabulary import Modality, Special
from ..network.inputs import Inputs
from ..network.slices import Slices
from .canvas import Canvas, inputs_of
from .guidance import apply_guidance, with_unconditional

PredictLogits = Callable[[Inputs], list[torch.Tensor]]  # float32 logits (n, C) for each of `Inputs.groups`
TEXT = 1  # index of the text slice


@dataclass(frozen=True)
class Prediction:
    """Predicted logits of some positions, slice by slice."""

    query_N: torch.Tensor  # int64; indices into T
    groups: tuple[tuple[int, int], ...]  # (slice, number of positions), in the order of N
    logits: list[torch.Tensor]  # float32 (n, C) of each group, without the class of EOS

    def select(self, selected_N: torch.Tensor) -> Self:
        """Keep some of the positions (bool)."""
        masks = torch.split(selected_N, [count for _, count in self.groups])
        groups = tuple((index, int(mask_n.sum())) for (index, _), mask_n in zip(self.groups, masks, strict=True))
        logits = [one[mask_n] for one, mask_n in zip(self.logits, masks, strict=True)]
        return type(self)(self.query_N[selected_N], groups, logits)

    def tokens(self, slices: Slices, classes: list[torch.Tensor]) -> torch.Tensor:
        """Token ids of the classes of each group."""
        pairs = zip(self.groups, classes, strict=True)
        return torch.cat([slices.token_of(one + int(index == TEXT), index) for (index, _), one in pairs])


def query(
    predict: PredictLogits,
    canvas: Canvas,
    slices: Slices,
    input_T: torch.Tensor,
    query_T: torch.Tensor,
    guidance_S: torch.Tensor | None = None,
) -> Prediction:
    """Predict the tokens at the queried positions.

    Args:
        predict: The model.
        canvas: Segments that are sampled.
        slices: Slices of the model's vocabulary.
        input_T: Token ids as the model sees them.
        query_T: Positions to predict, bool.
        guidance_S: Guidance weight of each segment; None: without guidance, which takes half the compute.
    """
    active_S = torch.zeros_like(canvas.key_S, dtype=torch.bool)
    active_S[canvas.index_T[query_T]] = True
    token_N = active_S[canvas.index_T].nonzero()[:, 0]
    part = select_segments(canvas, active_S, token_N)
    inputs, query_N = inputs_of(part, slices, input_T[token_N], query_T[token_N])
    groups = inputs.groups
    if guidance_S is None:
        logits = predict(inputs)
    else:
        counts = [count for _, count in groups]
        weights = torch.split(guidance_S[active_S][part.index_T[query_N]], counts)
        both = predict(with_unconditional(inputs, part.given_T))
        logits = [apply_guidance(one, weight_N) for one, weight_N in zip(both, weights, strict=True)]
    trimmed = [one[:, int(index == TEXT) :] for (index, _), one in zip(groups, logits, strict=True)]
    return Prediction(token_N[query_N], groups, trimmed)


def select_segments(canvas: Canvas, active_S: torch.Tensor, token_N: torch.Tensor) -> Canvas:
    """Keep some segments (bool), and of these some tokens.

    Args:
        canvas: All segments.
        active_S: Segments to keep, bool.
        token_N: Indices into T of the tokens to keep, all of them in the kept segments.
    """
    tokens = {f.name: getattr(canvas, f.name)[token_N] for f in fields(canvas) if f.name.endswith("_T")}
    tokens["index_T"] = (active_S.cumsum(0) - 1)[tokens["index_T"]]
    return replace(canvas, **tokens, key_S=canvas.key_S[active_S])


def with_eos(canvas: Canvas) -> Canvas:
    """Fix EOS at the last position of each target text, which is no target then: the text's length is given."""
    beyond_T = torch.cat((canvas.index_T[1:] != canvas.index_T[:-1], canvas.index_T.new_ones(1, dtype=torch.bool)))
    next_T = torch.where(beyond_T, int(Modality.SPECIAL), canvas.modality_T.roll(-1))
    end_T = canvas.target_T & (canvas.modality_T == Modality.TEXT) & (next_T != Modality.TEXT)
    tokens_T = torch.where(end_T, int(Special.EOS), canvas.tokens_T)
    return replace(canvas, tokens_T=tokens_T, target_T=canvas.target_T & ~end_T)
