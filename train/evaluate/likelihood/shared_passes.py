"""Passes of the chain rule that are the same for several segments, so that each goes through the model once.

A pass shows the model everything of a segment but the targets that are not known yet. Answers of one length to one
question, such as the letters of a multiple-choice question, therefore have one first pass in common, and later ones as
long as their beginnings agree. Nothing else can be shared: every state of a bidirectional model depends on all tokens
of its segment, so neither a context nor an answer that differs in length or in a known token has the same states.

Shapes are named by suffix: S segments, T tokens, P passes, R passes that go through the model.
"""

from typing import NamedTuple

import torch
import xxhash

from ....model.sampling.canvas import Canvas
from .reader import target_ranks


class SharedPasses(NamedTuple):
    """The passes of all segments, those of a segment in the order of its targets, and which of them differ."""

    segment_P: torch.Tensor  # segment of each pass
    target_P: torch.Tensor  # index into T of the target that it predicts
    of_P: torch.Tensor  # the pass in R that shows the same
    segment_R: torch.Tensor  # the first segment with such a pass
    number_R: torch.Tensor  # number of its targets that are known in the pass


def shared_passes(canvas: Canvas, rank_T: torch.Tensor) -> SharedPasses:
    """Find the passes of the chain rule that differ.

    Args:
        canvas: Segments with targets.
        rank_T: Rank of each target in the order in which those of its segment are predicted.
    """
    n_S, _ = target_ranks(canvas)
    first_S = n_S.cumsum(0) - n_S
    target_N = canvas.target_T.nonzero()[:, 0]
    target_P = torch.empty_like(target_N)
    target_P[first_S[canvas.index_T[target_N]] + rank_T[target_N]] = target_N
    segment_P = canvas.index_T[target_P]
    known = zip(canvas.position_T[target_P].tolist(), canvas.tokens_T[target_P].tolist(), strict=True)
    views, known_P = _views(canvas), list(known)
    seen: dict[object, int] = {}
    of_P: list[int] = []
    for view, first, count in zip(views, first_S.tolist(), n_S.tolist(), strict=True):
        state: object = view
        for at in range(first, first + count):
            number = seen.setdefault(state, len(seen))
            of_P.append(number)
            state = (number, *known_P[at])  # what is shown once this target is known, too
    of = torch.tensor(of_P, dtype=torch.int64)
    # each number occurs first where it was given, so the first occurrences are where a new maximum is reached
    highest = torch.cat((of.new_full((1,), -1), of.cummax(0).values[:-1])) if len(of) else of
    new_P = of > highest
    number_P = torch.arange(len(of)) - first_S[segment_P]
    return SharedPasses(segment_P, target_P, of, segment_P[new_P], number_P[new_P])


def _views(canvas: Canvas) -> list[bytes]:
    """For each segment a hash (xxh3-128) of what the model is shown while none of its targets is known."""
    shown = torch.stack((canvas.masked_tokens, canvas.slice_T)).T.contiguous().numpy()
    ends = torch.bincount(canvas.index_T, minlength=len(canvas.key_S)).cumsum(0).tolist()
    return [xxhash.xxh3_128_digest(shown[start:stop].data) for start, stop in zip([0, *ends[:-1]], ends, strict=True)]
