"""Initial values by type of parameter, scaled so that activations keep their size over width.

The rules are those of CompleteP (Dey et al. 2025, https://arxiv.org/abs/2505.01618). Each parameter has its own random
generator, seeded by its name, so its value does not depend on other parameters, on the order of drawing or on the
number of processes that share it.
"""

import math
from enum import StrEnum

import torch

from ...schemas.config.model import ModelConfig
from ...schemas.identity import fingerprint
from .transformer import Transformer

EMBEDDING_STD: float = ModelConfig.model_fields["embedding_std"].default


class ParameterType(StrEnum):
    """Types of parameters; learning rate, weight decay and initial scale depend on them."""

    EMBEDDING = "embedding"
    HIDDEN = "hidden"  # weight matrices of the layers
    NORM = "norm"  # gains of the layers' RMS norms
    QK_NORM = "qk_norm"
    FINAL_NORM = "final_norm"
    UNEMBEDDING = "unembedding"
    HEAD_BIAS = "head_bias"


def parameter_types(model: Transformer) -> list[tuple[str, ParameterType]]:
    """(name, type) of each parameter, in the order of `named_parameters`."""
    return [(name, _type_of(name, parameter)) for name, parameter in model.named_parameters()]


def fused_matrices(name: str) -> int:
    """Number of matrices that a parameter of the layers holds one above the other: queries, keys and values are one."""
    return {"qkv": 3, "up": 2}.get(name.split(".")[-2], 1)


def initial_value(name: str, parameter: torch.Tensor, seed: int, embedding_std: float = EMBEDDING_STD) -> torch.Tensor:
    """Draw the initial value of a parameter.

    Args:
        name: Name of the parameter.
        parameter: A tensor of its full (unsharded) shape; its values are not read.
        seed: Seed of the run.
        embedding_std: Standard deviation of the input embeddings.

    Returns:
        float32 tensor on the CPU.
    """
    kind = _type_of(name, parameter)
    if kind is ParameterType.HEAD_BIAS:
        return torch.zeros(parameter.shape)
    if parameter.ndim == 1:
        return torch.ones(parameter.shape)
    fan_in = parameter.shape[-1]
    stds = {ParameterType.EMBEDDING: embedding_std, ParameterType.UNEMBEDDING: 1 / fan_in}
    generator = torch.Generator().manual_seed(int(fingerprint("initial", seed, name)[:15], 16))
    return torch.randn(parameter.shape, generator=generator) * stds.get(kind, 1 / math.sqrt(fan_in))


@torch.no_grad()
def initialise(model: Transformer, seed: int, embedding_std: float = EMBEDDING_STD) -> None:
    """Set all parameters in place, on whatever device they are."""
    for name, parameter in model.named_parameters():
        parameter.copy_(initial_value(name, parameter, seed, embedding_std))


def _type_of(name: str, parameter: torch.Tensor) -> ParameterType:
    *_, owner, _ = name.split(".")
    if owner in {"tokens", "kinds"}:
        return ParameterType.EMBEDDING
    if owner == "head":
        return ParameterType.UNEMBEDDING if parameter.ndim == 2 else ParameterType.HEAD_BIAS
    if parameter.ndim == 2:
        return ParameterType.HIDDEN
    if owner in {"q_norm", "k_norm"}:
        return ParameterType.QK_NORM
    return ParameterType.FINAL_NORM if name == "norm.weight" else ParameterType.NORM
