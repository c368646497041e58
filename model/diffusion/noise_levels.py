"""Noise levels: one number in (0, 1) per segment, stratified over the global batch.

Independent levels cluster by chance, which causes most of the noise in a step's loss; stratified levels do not
(docs/explanation/objective.md has the figures). A segment has to find its stratum without communication between
processes: all that is known is the row's index in the global batch, and the row's own segments. So each row gets one of
as many strata as the batch has rows, by a permutation that every process draws identically for the step. Its n segments
of one kind take n levels that lie 1/n apart, starting in that stratum, in random order. If every row has n segments,
each of n * rows strata gets exactly one level. Every single level is uniform on (0, 1).

Shapes are named by suffix: B rows of the micro-batch, S its segments, R rows of the global batch, K kinds.
"""

from dataclasses import dataclass

import torch

from ...schemas.vocabulary import Kind
from ..keyed_random import RandomStream, bits, rank_within, uniform
from .batch import Batch


@dataclass(frozen=True)
class RowPlacement:
    """Position of a micro-batch's rows in their global batch; independent of world size and micro-batch size."""

    step: int  # number of the global batch
    index_B: torch.Tensor  # int64; index of each row in the global batch, from 0
    rows: int  # of the global batch


def stratified_levels(batch: Batch, placement: RowPlacement, seed: int) -> torch.Tensor:
    """Draw the noise level of each segment.

    Args:
        batch: Clean rows.
        placement: Their position in the global batch.
        seed: Seed of the run.

    Returns:
        Levels (S,), float64 in (0, 1).
    """
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
    """For each kind a permutation of the rows' strata, (K, R)."""
    step = torch.tensor(placement.step)
    draw_KR = bits(
        seed, RandomStream.STRATUM, step, torch.arange(len(Kind))[:, None], torch.arange(placement.rows)[None]
    )
    return draw_KR.argsort(dim=-1, stable=True).argsort(dim=-1)
