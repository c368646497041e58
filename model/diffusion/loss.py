"""The loss: cross-entropies by the weights that make their sum the bound, and the bound itself beside it.

Shapes are named by suffix: S segments, M modalities, N places asked for.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from ...schemas.config.model import ObjectiveConfig
from ...schemas.vocabulary import Modality
from ..network.inputs import Inputs
from .noised_batch import NoisedBatch

Model = Callable[[Inputs], tuple[torch.Tensor, torch.Tensor]]  # nats and log_z of the places asked for


class LossParts(NamedTuple):
    """What a step is made of."""

    loss: torch.Tensor  # a sum, to be divided by `NoisedBatch.targets` of the whole global batch
    nats_SM: torch.Tensor  # float64, detached; estimates each segment's NELBO by modality, all loss weights 1


def loss(model: Model, corrupted: NoisedBatch, objective: ObjectiveConfig) -> LossParts:
    """Ask the model, and sum weight × (CE + z_loss · log²Z) over the places, times the weight of their modality.

    For the autoregressive control all weights are 1 and `nats_SM` is exact.
    """
    nats_N, log_z_N = model(corrupted.inputs)
    given = objective.loss_weights
    factor_M = torch.tensor([0.0, given.text, given.image, given.audio], device=nats_N.device)
    each_N = nats_N + objective.z_loss * log_z_N**2 if objective.z_loss else nats_N
    total = (factor_M[corrupted.modality_N] * corrupted.weight_N * each_N).sum()
    cell_N = corrupted.segment_N * len(Modality) + corrupted.modality_N
    nats_SM = torch.zeros(corrupted.targets_SM.shape, dtype=torch.float64, device=nats_N.device)
    nats_SM.view(-1).index_add_(0, cell_N, (corrupted.weight_N * nats_N.detach()).double())
    return LossParts(total, nats_SM)
