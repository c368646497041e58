"""Data parallelism: a model replicated (DDP) or sharded (FSDP2) over processes, with compilation and autocast."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from ...model.network.init import EMBEDDING_STD, initial_value
from ...model.network.transformer import Transformer
from ...schemas.config.training import ComputeConfig
from .process_group import ProcessGroup


class Parallel:
    """A transformer distributed over processes."""

    def __init__(
        self,
        model: Transformer,
        config: ComputeConfig,
        process: ProcessGroup,
        seed: int,
        embedding_std: float = EMBEDDING_STD,
    ) -> None:
        """Distribute and initialise a model.

        Args:
            model: Model on the meta device; each process creates and initialises only its own shard.
            config: Compute block of the train file.
            process: The process group.
            seed: Seed of the initial values.
            embedding_std: Standard deviation of the initial input embeddings.
        """
        self.config = config
        self.process = process
        self.model = model
        cuda = process.device.type == "cuda"
        model.recompute = config.recompute
        if config.compile if config.compile is not None else cuda:
            for block in model.blocks:
                block.compile()  # a whole model would be recompiled for every number of queries
        self._sharded = config.parallel == "fsdp" and process.world > 1
        if self._sharded:
            for block in model.blocks:
                fully_shard(block)
            fully_shard(model, reshard_after_forward=True)  # otherwise the root stays gathered after validation
        model.to_empty(device=process.device)
        _initialise(model, seed, embedding_std)
        copies = process.world > 1 and not self._sharded
        self.wrapped: Any = DistributedDataParallel(model) if copies else model
        low = config.precision == "bfloat16" or (config.precision == "auto" and cuda)
        self._precision = torch.bfloat16 if low else None

    @contextmanager
    def gradient_sync(self, last: bool) -> Iterator[Any]:
        """Yield the module to call on a micro-batch; gradients are reduced over processes at the `last` of a step."""
        if self._sharded:
            self.model.set_requires_gradient_sync(last)  # type: ignore[operator]
        copies = isinstance(self.wrapped, DistributedDataParallel)
        with self.wrapped.no_sync() if copies and not last else nullcontext(), self.precision():
            yield self.wrapped

    def precision(self) -> AbstractContextManager[Any]:
        """Autocast to the precision of the run."""
        if self._precision is None:
            return nullcontext()
        return torch.autocast(self.process.device.type, self._precision)

    def clip_gradients(self, norm: float) -> float:
        """Clip gradients to a maximum norm, and return the norm that they had."""
        found = torch.nn.utils.clip_grad_norm_(self.model.parameters(), norm)
        return float(found.full_tensor() if isinstance(found, DTensor) else found)


@torch.no_grad()
def _initialise(model: Transformer, seed: int, embedding_std: float) -> None:
    for name, parameter in model.named_parameters():
        set_value(parameter, initial_value(name, parameter, seed, embedding_std))


@torch.no_grad()
def set_value(parameter: torch.Tensor, value: torch.Tensor) -> None:
    """Give a parameter, which may be sharded, its value, the whole of which every process has."""
    if isinstance(parameter, DTensor):
        mine = torch.distributed.tensor.distribute_tensor(
            value.to(parameter.device), parameter.device_mesh, parameter.placements
        )
        parameter.copy_(mine)
    else:
        parameter.copy_(value)


def whole_value(parameter: torch.Tensor) -> torch.Tensor:
    """Copy the whole of a parameter, which may be sharded, to the CPU as float32; all processes call this."""
    whole = parameter.detach()
    return (whole.full_tensor() if isinstance(whole, DTensor) else whole).float().cpu().clone()
