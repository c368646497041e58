"""How far each segment is noised: one number in (0, 1) a segment, spread evenly over the global batch.

Drawn independently, levels cluster by chance, and that is most of the noise in a step's loss; spread over the strata of
the batch they do not (docs/explanation/objective.md has the table). A segment has to find its stratum without asking the others: a
row is told its place among the rows of the global batch, and knows its own segments. So a row gets one of as many
strata as there are rows, by a permutation that every process draws alike for the step, and its segments of one kind, n
of them, take the n levels that lie 1/n apart from there on, in an order of their own. Where all rows have n segments,
each of n × rows strata gets one level. By itself, each level is uniform.

Shapes are named by suffix: B rows here, S segments here, R rows of the global batch, K kinds.
"""

from dataclasses import dataclass

import torch

from ...schemas.vocabulary import Kind
from ..keyed_random import RandomStream, bits, rank_within, uniform
from .batch import Batch


@dataclass(frozen=True)
class RowPlacement:
    """Where this batch's rows lie in the global batch of their step; the same at any world size and micro-batch."""

    step: int  # the number of the global batch
    index_B: torch.Tensor  # int64; of each row among the rows of the global batch, from 0
    rows: int  # of the global batch


def stratified_levels(batch: Batch, placement: RowPlacement, seed: int) -> torch.Tensor:
    """Levels (S,), float64 in (0, 1)."""
    row_S, kind_S = batch.row_S, batch.kind_S.long()
    key = (batch.epoch_B[row_S], batch.row_B[row_S], batch.number_S)
    alike_S = row_S * len(Kind) + kind_S
    number_S = torch.bincount(alike_S)[alike_S]
    rank_S = rank_within(alike_S, bits(seed, RandomStream.ORDER, *key))
    index_S = placement.index_B.to(row_S.device)[row_S]
    stratum_S = _strata(placement, seed).to(row_S.device)[kind_S, index_S]
    within_S = (stratum_S + uniform(seed, RandomStream.JITTER, *key)) / placement.rows
    return ((rank_S + within_S) / number_S).clamp(max=1 - 2.0**-53)


def _strata(placement: RowPlacement, seed: int) -> torch.Tensor:
    """(K, R): for each kind a permutation of the rows' strata."""
    step = torch.tensor(placement.step)
    draw_KR = bits(seed, RandomStream.STRATUM, step, torch.arange(len(Kind))[:, None], torch.arange(placement.rows)[None])
    return draw_KR.argsort(dim=-1, stable=True).argsort(dim=-1)
