"""AdamW with one parameter group per type of parameter, which sets its scaling with width and depth and its decay.

The factors are those of CompleteP (Dey et al. 2025, https://arxiv.org/abs/2505.01618; per-tensor rules as in
https://arxiv.org/abs/2512.22382): settings tuned at the base width and depth hold at others. Input and output
embeddings, norms and biases are not decayed: rows of a modality that is absent from a batch get no gradient, and decay
would only shrink them.
"""

from typing import Any, NamedTuple

import torch

from ...model.network.init import ParameterType, parameter_types
from ...model.network.presets import Shape
from ...model.network.transformer import Transformer
from .batch_scaling import AdamSettings


class Factors(NamedTuple):
    """Factors on the settings of AdamW."""

    lr: float
    eps: float
    weight_decay: float


def factors(kind: ParameterType, shape: Shape) -> Factors:
    """CompleteP's factors for a type of parameter."""
    wide, deep, alpha = shape.width_ratio, shape.depth_ratio, shape.alpha
    by_depth, small = deep ** (alpha - 1), deep**-alpha
    return {
        ParameterType.EMBEDDING: Factors(1, 1 / wide, 0),
        ParameterType.HIDDEN: Factors(by_depth / wide, small / wide, wide),
        ParameterType.NORM: Factors(by_depth, small / wide, 0),
        ParameterType.QK_NORM: Factors(by_depth, small, 0),
        ParameterType.FINAL_NORM: Factors(1, 1, 0),
        ParameterType.UNEMBEDDING: Factors(1 / wide, 1, 0),
    }[kind]


def make_optimizer(model: Transformer, settings: AdamSettings) -> torch.optim.AdamW:
    """Create AdamW over all parameters.

    Args:
        model: The model, unwrapped or fully sharded.
        settings: Settings before the factors of parameter types.

    Returns:
        The optimizer; the key `initial_lr` of a group is its peak learning rate.
    """
    parameters: dict[ParameterType, list[torch.nn.Parameter]] = {}
    by_name = dict(model.named_parameters())
    for name, kind in parameter_types(model):
        parameters.setdefault(kind, []).append(by_name[name])
    groups = [
        {"params": members, **_hyperparameters(kind, model.shape, settings)}
        for kind, members in sorted(parameters.items())
    ]
    fused = all(parameter.is_cuda for parameter in by_name.values())
    return torch.optim.AdamW(groups, betas=settings.betas, fused=fused)


def _hyperparameters(kind: ParameterType, shape: Shape, settings: AdamSettings) -> dict[str, Any]:
    factor = factors(kind, shape)
    return {
        "lr": settings.lr * factor.lr,
        "initial_lr": settings.lr * factor.lr,
        "eps": settings.eps * factor.eps,
        "weight_decay": settings.weight_decay * factor.weight_decay,
        "betas": settings.betas,
    }


def set_hyperparameters(optimizer: torch.optim.Optimizer, model: Transformer, settings: AdamSettings) -> None:
    """Set those of an optimizer from `make_optimizer`: a loaded checkpoint has the ones it was saved with."""
    kinds = sorted({kind for _, kind in parameter_types(model)})
    for kind, group in zip(kinds, optimizer.param_groups, strict=True):
        group.update(_hyperparameters(kind, model.shape, settings))


def set_lr(optimizer: torch.optim.Optimizer, share: float) -> None:
    """Set the learning rate of each group to a fraction of its peak."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * share
