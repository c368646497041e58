"""Cross-entropy by mask ratio: the bound averages over all ratios and does not show at which of them a model fails.

Shapes are named by suffix: N queried positions, S segments, M modalities, R tenths of the mask ratio.
"""

import math

import torch

from ..model.diffusion.noised_batch import NoisedBatch
from ..schemas.vocabulary import Modality

TENTHS = 10


def sums_by_ratio(corrupted: NoisedBatch, nats_N: torch.Tensor) -> torch.Tensor:
    """Sum up unweighted cross-entropies by mask ratio; the sums add up over batches and processes.

    A position counts in the tenth of its segment's mask ratio (masked tokens over targets), rounded up.

    Args:
        corrupted: Batch of the masked objective, on the CPU.
        nats_N: Cross-entropy of each queried position in nats, on the CPU.

    Returns:
        float64 (2, M, R): nats, and number of positions.
    """
    inputs = corrupted.inputs
    row_N = inputs.query_N // inputs.tokens_BL.shape[1]
    # the copies of anti-masking are segments of other rows, or of other numbers in a single row
    alike_N = row_N * (inputs.segment_BL.max() + 1) + inputs.segment_BL.flatten()[inputs.query_N]
    _, group_N, masked_G = torch.unique(alike_N, return_inverse=True, return_counts=True)
    targets_N = corrupted.targets_SM.sum(-1)[corrupted.segment_N]
    tenth_N = (TENTHS * masked_G[group_N] + targets_N - 1) // targets_N - 1
    sums = torch.zeros(2, len(Modality) * TENTHS, dtype=torch.float64)
    both = torch.stack([nats_N.double(), torch.ones_like(nats_N, dtype=torch.float64)])
    return sums.index_add_(1, corrupted.modality_N * TENTHS + tenth_N, both).view(2, len(Modality), TENTHS)


def ce_by_ratio(sums: torch.Tensor) -> dict[str, dict[str, float]]:
    """Mean cross-entropy in bits by modality and by the upper edge of the tenth, without empty tenths.

    Args:
        sums: Result of `sums_by_ratio`.
    """
    nats_MR, places_MR = sums.tolist()
    shown: dict[str, dict[str, float]] = {}
    for modality in Modality:
        for tenth, (nats, places) in enumerate(zip(nats_MR[modality], places_MR[modality], strict=True)):
            if places:
                edge = f"{(tenth + 1) / TENTHS:g}"
                shown.setdefault(modality.name.lower(), {})[edge] = nats / places / math.log(2)
    return shown
