"""One question to a model in the course of sampling: which segments it has to look at, and what comes back.

Segments with nothing to say in a step are left out of the row. EOS ends a text where its place says so and is no
answer elsewhere: the class is cut off before any score is taken.

Shapes are named by suffix: S segments, T tokens of all segments, N places asked for, C classes of one slice.
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

PredictLogits = Callable[[Inputs], list[torch.Tensor]]
TEXT = 1  # the slice of text


@dataclass(frozen=True)
class Prediction:
    """What may stand at places, slice by slice."""

    query_N: torch.Tensor  # int64; numbers in T
    groups: tuple[tuple[int, int], ...]  # (slice, places), which N is made of in this order
    logits: list[torch.Tensor]  # float32 (n, C) of each group, without EOS

    def select(self, kept_N: torch.Tensor) -> Self:
        """The answer at some places (bool) alone."""
        masks = torch.split(kept_N, [count for _, count in self.groups])
        groups = tuple((index, int(mask_n.sum())) for (index, _), mask_n in zip(self.groups, masks, strict=True))
        logits = [one[mask_n] for one, mask_n in zip(self.logits, masks, strict=True)]
        return type(self)(self.query_N[kept_N], groups, logits)

    def tokens(self, slices: Slices, classes: list[torch.Tensor]) -> torch.Tensor:
        """Ids of classes of each group."""
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
    """Ask at the asked places (bool), guided by a weight for each segment unless there is none."""
    active_S = torch.zeros_like(canvas.key_S, dtype=torch.bool)
    active_S[canvas.index_T[query_T]] = True
    kept_N = active_S[canvas.index_T].nonzero()[:, 0]
    part = select_segments(canvas, active_S, kept_N)
    inputs, query_N = inputs_of(part, slices, input_T[kept_N], query_T[kept_N])
    groups = inputs.groups
    if guidance_S is None:
        logits = predict(inputs)
    else:
        counts = [count for _, count in groups]
        weights = torch.split(guidance_S[active_S][part.index_T[query_N]], counts)
        both = predict(with_unconditional(inputs, part.given_T))
        logits = [apply_guidance(one, weight_N) for one, weight_N in zip(both, weights, strict=True)]
    trimmed = [one[:, int(index == TEXT) :] for (index, _), one in zip(groups, logits, strict=True)]
    return Prediction(kept_N[query_N], groups, trimmed)


def select_segments(canvas: Canvas, active_S: torch.Tensor, query_N: torch.Tensor) -> Canvas:
    """The canvas with some segments (bool) alone, and of these with some places."""
    places = {f.name: getattr(canvas, f.name)[query_N] for f in fields(canvas) if f.name.endswith("_T")}
    places["index_T"] = (active_S.cumsum(0) - 1)[places["index_T"]]
    return replace(canvas, **places, key_S=canvas.key_S[active_S])


def with_eos(canvas: Canvas) -> Canvas:
    """EOS at the last place of each text, where it is open, and closed: how long a text is has been decided."""
    beyond_T = torch.cat((canvas.index_T[1:] != canvas.index_T[:-1], canvas.index_T.new_ones(1, dtype=torch.bool)))
    next_T = torch.where(beyond_T, int(Modality.SPECIAL), canvas.modality_T.roll(-1))
    end_T = canvas.target_T & (canvas.modality_T == Modality.TEXT) & (next_T != Modality.TEXT)
    tokens_T = torch.where(end_T, int(Special.EOS), canvas.tokens_T)
    return replace(canvas, tokens_T=tokens_T, target_T=canvas.target_T & ~end_T)
