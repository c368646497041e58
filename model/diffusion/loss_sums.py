"""Sums from which all logged figures follow: bits per token, byte, pixel and second, with standard errors.

Sums add up over micro-batches, steps and processes; they are one tensor, for a single all-reduce. They are kept apart
by task, and for each task by whether its condition was dropped, since each of these is a distribution of its own.

Shapes are named by suffix: S segments, M modalities, T tasks followed by the same tasks without condition, F fields.
"""

import math
from typing import NamedTuple, Self

import torch

from ...schemas.vocabulary import Modality
from .noised_batch import NoisedBatch
from .tasks import MODALITIES, TASKS


class MeanWithError(NamedTuple):
    """A mean and its standard error."""

    mean: float
    error: float


class LossSums(NamedTuple):
    """Sums over segments; see the module's docstring."""

    sums_FTM: torch.Tensor  # float64; F: nats, tokens, size, nats², nats × tokens, tokens²

    @classmethod
    def of(cls, corrupted: NoisedBatch, nats_SM: torch.Tensor) -> Self:
        """Sum up a batch.

        Args:
            corrupted: Batch on the CPU.
            nats_SM: Estimated NELBO of its segments (`LossParts.nats_SM`), on the CPU.
        """
        tokens_SM = corrupted.targets_SM.double()
        fields = (nats_SM, tokens_SM, corrupted.sizes_SM.double(), nats_SM**2, nats_SM * tokens_SM, tokens_SM**2)
        row_S = torch.where(corrupted.dropped_S, corrupted.task_S + len(TASKS), corrupted.task_S)
        sums_FTM = torch.zeros(len(fields), 2 * len(TASKS), len(Modality), dtype=torch.float64, device=row_S.device)
        return cls(sums_FTM.index_add_(1, row_S, torch.stack(fields)))

    def plus(self, other: Self) -> Self:
        """Add the sums of other segments."""
        return type(self)(self.sums_FTM + other.sums_FTM)

    def of_task(self, index: int) -> Self:
        """Select one task: an index into TASKS, plus len(TASKS) for the same task without its condition."""
        return type(self)(self.sums_FTM[:, index : index + 1])

    @property
    def nats_per_token(self) -> float:
        """Nats per token over all modalities; 0 without tokens."""
        nats, tokens = self.sums_FTM[:2].sum((1, 2)).tolist()
        return nats / tokens if tokens else 0.0

    def bits_per_token(self) -> dict[Modality, MeanWithError]:
        """Bits per token of each modality present; the error is that of a ratio of sums over independent segments."""
        return {modality: self._ratio(modality) for modality in MODALITIES if self._sum(1, modality)}

    def bits_per_size(self) -> dict[Modality, float]:
        """Bits per byte of text, per pixel and per audio sample (times the sample rate: per second)."""
        sized = [modality for modality in MODALITIES if self._sum(2, modality)]
        return {modality: self._sum(0, modality) / self._sum(2, modality) / math.log(2) for modality in sized}

    def tokens(self) -> int:
        """Number of targets of all modalities."""
        return int(self.sums_FTM[1].sum())

    def _sum(self, field: int, modality: Modality) -> float:
        return float(self.sums_FTM[field, :, modality].sum())

    def _ratio(self, modality: Modality) -> MeanWithError:
        nats, tokens, _, squares, products, lengths = (self._sum(field, modality) for field in range(6))
        return ratio_with_error(nats, tokens, squares, products, lengths)


def ratio_with_error(nats: float, tokens: float, squares: float, products: float, lengths: float) -> MeanWithError:
    """Bits per token, and their standard error over segments.

    Args:
        nats: Sum of the nats of the segments.
        tokens: Sum of their tokens.
        squares: Sum of nats².
        products: Sum of nats × tokens.
        lengths: Sum of tokens².
    """
    mean = nats / tokens
    spread = squares - 2 * mean * products + mean**2 * lengths  # sum of (nats - mean × tokens)²
    return MeanWithError(mean / math.log(2), math.sqrt(max(spread, 0.0)) / tokens / math.log(2))
