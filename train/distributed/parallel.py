"""A model laid out over processes: copies of it (DDP) or shares of it (FSDP2), compiled and in a precision."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from ...model.network.init import initial_value
from ...model.network.transformer import Transformer
from ...schemas.config.training import ComputeConfig
from .process_group import ProcessGroup


class Parallel:
    """A transformer that is called on a micro-batch, and what lies around it."""

    def __init__(self, model: Transformer, config: ComputeConfig, process: ProcessGroup, seed: int) -> None:
        """`model` is on the meta device; here it gets its first values, each process those of its share."""
        self.config = config
        self.process = process
        self.model = model
        cuda = process.device.type == "cuda"
        model.recompute = config.recompute
        if config.compile if config.compile is not None else cuda:
            for block in model.blocks:
                block.compile()  # whole models would be compiled anew for every number of places asked for
        self._sharded = config.parallel == "fsdp" and process.world > 1
        if self._sharded:
            for block in model.blocks:
                fully_shard(block)
            fully_shard(model, reshard_after_forward=True)  # or the root stays whole after validation
        model.to_empty(device=process.device)
        _initialise(model, seed)
        copies = process.world > 1 and not self._sharded
        self.wrapped: Any = DistributedDataParallel(model) if copies else model
        low = config.precision == "bfloat16" or (config.precision == "auto" and cuda)
        self._precision = torch.bfloat16 if low else None

    @contextmanager
    def gradient_sync(self, last: bool) -> Iterator[Any]:
        """What to call for a micro-batch; gradients of processes are summed up at the `last` of a step."""
        if self._sharded:
            self.model.set_requires_gradient_sync(last)  # type: ignore[operator]
        copies = isinstance(self.wrapped, DistributedDataParallel)
        with self.wrapped.no_sync() if copies and not last else nullcontext(), self.precision():
            yield self.wrapped

    def precision(self) -> AbstractContextManager[Any]:
        """Autocast to the run's precision."""
        if self._precision is None:
            return nullcontext()
        return torch.autocast(self.process.device.type, self._precision)

    def clip_gradients(self, norm: float) -> float:
        """Cut gradients to a norm, and say what it was."""
        found = torch.nn.utils.clip_grad_norm_(self.model.parameters(), norm)
        return float(found.full_tensor() if isinstance(found, DTensor) else found)


@torch.no_grad()
def _initialise(model: Transformer, seed: int) -> None:
    for name, parameter in model.named_parameters():
        value = initial_value(name, parameter, seed)
        if isinstance(parameter, DTensor):
            mine = torch.distributed.tensor.distribute_tensor(
                value.to(parameter.device), parameter.device_mesh, parameter.placements
            )
            parameter.copy_(mine)
        else:
            parameter.copy_(value)
