"""Cross-entropy by how much of a segment is masked: the bound is a mean over all shares, and hides which of them fails.

Shapes are named by suffix: N places asked for, S segments, M modalities, R tenths of the share that is masked.
"""

import math

import torch

from ..model.diffusion.noised_batch import NoisedBatch
from ..schemas.vocabulary import Modality

TENTHS = 10


def sums_by_ratio(corrupted: NoisedBatch, nats_N: torch.Tensor) -> torch.Tensor:
    """Sums (2, M, R), float64, of nats and of places; they add up over batches and processes.

    A place counts where its segment has so many tenths of its targets masked, rounded up. No weight has a part in it.
    Both arguments are on the host, and the batch is of the masked objective.
    """
    row_N = corrupted.inputs.query_N // corrupted.inputs.tokens_BL.shape[1]  # tells the copies of anti-masking apart
    alike_N = row_N * len(corrupted.targets_SM) + corrupted.segment_N
    _, group_N, masked_G = torch.unique(alike_N, return_inverse=True, return_counts=True)
    targets_N = corrupted.targets_SM.sum(-1)[corrupted.segment_N]
    tenth_N = (TENTHS * masked_G[group_N] + targets_N - 1) // targets_N - 1
    sums = torch.zeros(2, len(Modality) * TENTHS, dtype=torch.float64)
    both = torch.stack([nats_N.double(), torch.ones_like(nats_N, dtype=torch.float64)])
    return sums.index_add_(1, corrupted.modality_N * TENTHS + tenth_N, both).view(2, len(Modality), TENTHS)


def ce_by_ratio(sums: torch.Tensor) -> dict[str, dict[str, float]]:
    """Bits a place by modality and by the upper edge of the tenth; tenths that no place fell into are left out."""
    nats_MR, places_MR = sums.tolist()
    shown: dict[str, dict[str, float]] = {}
    for modality in Modality:
        for tenth, (nats, places) in enumerate(zip(nats_MR[modality], places_MR[modality], strict=True)):
            if places:
                edge = f"{(tenth + 1) / TENTHS:g}"
                shown.setdefault(modality.name.lower(), {})[edge] = nats / places / math.log(2)
    return shown
