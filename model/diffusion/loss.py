"""The training loss: a weighted sum of cross-entropies; and the estimate of the bound (NELBO), whatever is trained on.

With `weighting: bound` the loss is the bound. With `flat` the weight of the bound is multiplied by 2 k / n for k of n
tokens masked, so that all masked tokens weigh the same, and the mean over mask ratios is kept: few masked tokens have
large weights in the bound, and these make most of the noise of its gradient.

Shapes are named by suffix: S segments, M modalities, N queried positions.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from ...schemas.config.model import MaskedObjective, ObjectiveConfig
from ...schemas.vocabulary import Modality
from ..network.inputs import Inputs
from .noised_batch import NoisedBatch

Model = Callable[[Inputs], tuple[torch.Tensor, torch.Tensor]]  # nats and log Z of the queried positions


class LossParts(NamedTuple):
    """Loss of a batch, and the bound of each of its segments."""

    loss: torch.Tensor  # a sum; divide it by `NoisedBatch.targets` of the whole global batch
    nats_SM: torch.Tensor  # float64, detached; estimated NELBO in nats, without loss weights


def loss(model: Model, corrupted: NoisedBatch, objective: ObjectiveConfig) -> LossParts:
    """Run the model and sum weight * (cross-entropy + z_loss * log^2 Z) over the queried positions.

    Each term is also multiplied by the loss weight of its modality, and by twice the masked share of its segment if the
    weighting is flat. For the autoregressive control all weights are 1,
    and `nats_SM` is exact.

    Args:
        model: Called with `corrupted.inputs`; gives nats and log Z (N,) of the right classes.
        corrupted: Batch with tasks and noise.
        objective: Objective, with loss weights by modality and the factor of the z-loss.

    Returns:
        The summed loss, and the estimated NELBO of each segment by modality.
    """
    nats_N, log_z_N = model(corrupted.inputs)
    by_modality = objective.loss_weights
    factor_M = torch.tensor([0.0, by_modality.text, by_modality.image, by_modality.audio], device=nats_N.device)
    each_N = nats_N + objective.z_loss * log_z_N**2 if objective.z_loss else nats_N
    weight_N = factor_M[corrupted.modality_N] * corrupted.weight_N
    if isinstance(objective, MaskedObjective) and objective.weighting == "flat":
        weight_N = weight_N * 2 * corrupted.share_N
    total = (weight_N * each_N).sum()
    cell_N = corrupted.segment_N * len(Modality) + corrupted.modality_N
    nats_SM = torch.zeros(corrupted.targets_SM.shape, dtype=torch.float64, device=nats_N.device)
    nats_SM.view(-1).index_add_(0, cell_N, (corrupted.weight_N * nats_N.detach()).double())
    return LossParts(total, nats_SM)
