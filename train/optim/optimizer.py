"""The optimizers of a model: Muon for the matrices of its layers and AdamW for the rest, or AdamW for all.

There is one parameter group per type of parameter, which sets its scaling with width and depth and its decay.

The factors are those of CompleteP (Dey et al. 2025, https://arxiv.org/abs/2505.01618; per-tensor rules as in
https://arxiv.org/abs/2512.22382): settings tuned at the base width and depth hold at others. Input and output
embeddings, norms and biases are not decayed: rows of a modality that is absent from a batch get no gradient, and decay
would only shrink them. An update of Muon has singular values near 1 at every width, which is what a matrix needs to
change its outputs alike (https://arxiv.org/abs/2310.17813), so only the factor of depth is left.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from ...model.network.init import ParameterType, fused_matrices, parameter_types
from ...model.network.presets import Shape
from ...model.network.transformer import Transformer
from .batch_scaling import AdamSettings
from .muon import Muon


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
        ParameterType.HEAD_BIAS: Factors(1, 1, 0),
    }[kind]


class Optimizers:
    """The optimizers of a model, called as one."""

    def __init__(self, members: Sequence[torch.optim.Optimizer]) -> None:
        self.members = tuple(members)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The parameter groups of all."""
        return [group for member in self.members for group in member.param_groups]

    def step(self) -> None:
        """Update all parameters."""
        for member in self.members:
            member.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters."""
        for member in self.members:
            member.zero_grad(set_to_none)


def make_optimizer(model: Transformer, settings: AdamSettings) -> Optimizers:
    """Create the optimizers of all parameters.

    Args:
        model: The model, unwrapped or fully sharded.
        settings: Settings before the factors of parameter types.

    Returns:
        The optimizers; the key `initial_lr` of a group is its peak learning rate.
    """
    by_name = dict(model.named_parameters())
    parameters: dict[ParameterType, list[torch.nn.Parameter]] = {}
    for name, kind in parameter_types(model):
        parameters.setdefault(kind, []).append(by_name[name])
    groups = {
        kind: {"params": members, **_hyperparameters(kind, model.shape, settings)}
        for kind, members in sorted(parameters.items())
    }
    fused = all(parameter.is_cuda for parameter in by_name.values())
    if settings.muon is None:
        return Optimizers([torch.optim.AdamW(list(groups.values()), betas=settings.betas, fused=fused)])
    matrices = groups.pop(ParameterType.HIDDEN)
    parts: dict[torch.Tensor, int] = {parameter: fused_matrices(name) for name, parameter in by_name.items()}
    adam = torch.optim.AdamW(list(groups.values()), betas=settings.betas, fused=fused)
    return Optimizers([Muon([matrices], parts), adam])


def _hyperparameters(kind: ParameterType, shape: Shape, settings: AdamSettings) -> dict[str, Any]:
    if settings.muon is not None and kind is ParameterType.HIDDEN:
        lr = settings.muon.lr * shape.depth_ratio ** (shape.alpha - 1)
        decay, momentum = settings.muon.weight_decay, settings.muon.momentum
        return {"lr": lr, "initial_lr": lr, "momentum": momentum, "weight_decay": decay}
    factor = factors(kind, shape)
    return {
        "lr": settings.lr * factor.lr,
        "initial_lr": settings.lr * factor.lr,
        "eps": settings.eps * factor.eps,
        "weight_decay": settings.weight_decay * factor.weight_decay,
        "betas": settings.betas,
    }


def set_hyperparameters(optimizers: Optimizers, model: Transformer, settings: AdamSettings) -> None:
    """Set those of optimizers from `make_optimizer`: a loaded checkpoint has the ones it was saved with."""
    kind_of = {id(p): kind for (_, kind), p in zip(parameter_types(model), model.parameters(), strict=True)}
    for group in optimizers.param_groups:
        group.update(_hyperparameters(kind_of[id(group["params"][0])], model.shape, settings))


def set_lr(optimizers: Optimizers, share: float) -> None:
    """Set the learning rate of each group to a fraction of its peak."""
    for group in optimizers.param_groups:
        group["lr"] = group["initial_lr"] * share
