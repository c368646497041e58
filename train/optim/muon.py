"""Muon: gradient descent with momentum whose update of a matrix has singular values near 1.

Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/. The update is that of `torch.optim.Muon`, with which
tests compare it. This one also takes parameters that hold several matrices, such as the weights of queries, keys and
values in one, and orthogonalizes each by itself; and it takes sharded parameters (DTensor): every process gathers the
whole update and keeps its shard of the result.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.distributed.tensor import DTensor, Replicate

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of Newton–Schulz: largest slope at 0, values in .7 to 1.2 after five
TINY = 1e-7


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay; its state is a momentum buffer per parameter."""

    def __init__(self, groups: Sequence[Mapping[str, Any]], parts: Mapping[torch.Tensor, int]) -> None:
        """Create the optimizer.

        Args:
            groups: Parameter groups, each with `lr`, `momentum` and `weight_decay`.
            parts: Number of matrices that a parameter holds one above the other; 1 for those that are missing.
        """
        self._parts = parts
        super().__init__([dict(group) for group in groups], {"lr": 0.0, "momentum": 0.95, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update all parameters that have a gradient; a closure is not supported."""
        if closure is not None:
            raise ValueError("a closure is not supported")
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: torch.Tensor, group: Mapping[str, Any]) -> None:
        assert parameter.grad is not None
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter.grad)
        mean = state["momentum_buffer"].lerp_(parameter.grad, 1 - group["momentum"])
        ahead = parameter.grad.lerp(mean, group["momentum"])
        whole = ahead.full_tensor() if isinstance(ahead, DTensor) else ahead
        update = orthogonal(whole.unflatten(0, (self._parts.get(parameter, 1), -1))).flatten(0, 1).to(parameter.dtype)
        if isinstance(parameter, DTensor):
            mesh = parameter.device_mesh
            everywhere = DTensor.from_local(update, mesh, [Replicate()] * mesh.ndim, run_check=False)
            update = everywhere.redistribute(mesh, parameter.placements)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(update, alpha=-group["lr"])


def orthogonal(matrices_NRC: torch.Tensor) -> torch.Tensor:
    """The nearest semi-orthogonal matrices, about, times sqrt(max(1, R / C)).

    With this factor a column of ones of any length is changed by as much (https://arxiv.org/abs/2310.17813), so a
    learning rate holds at every width.

    Args:
        matrices_NRC: N matrices of R rows and C columns.

    Returns:
        The same shape, bfloat16 on a GPU and float32 elsewhere.
    """
    rows, columns = matrices_NRC.shape[1:]
    x = matrices_NRC.to(torch.bfloat16 if matrices_NRC.is_cuda else torch.float32)
    x = x.mT if rows > columns else x
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=TINY)
    first, third, fifth = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=third, alpha=fifth), x, beta=first)
    x = x.mT if rows > columns else x
    return x * math.sqrt(max(1.0, rows / columns))
