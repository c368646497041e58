"""The process group of a run: a single process, or those that torchrun started."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypeVar

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import HashStore

from ...schemas.errors import Refusal

T = TypeVar("T")
PATIENCE = timedelta(minutes=30)  # for a process that downloads a shard


@dataclass(frozen=True)
class ProcessGroup:
    """This process's rank and device, and its collective operations."""

    rank: int
    world: int
    device: torch.device

    @classmethod
    def start(cls) -> Self:
        """Join the process group; a run without torchrun gets a group of one process."""
        cuda = torch.cuda.is_available()
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
        if cuda:
            torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"  # checkpoints are written from CPU memory
        if "RANK" in os.environ:
            dist.init_process_group(backend, timeout=PATIENCE)
        else:
            dist.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
        return cls(dist.get_rank(), dist.get_world_size(), device)

    @property
    def first(self) -> bool:
        """True on rank 0, which writes files and prints."""
        return self.rank == 0

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """Sum a tensor over all processes, in place."""
        if self.world > 1:
            dist.all_reduce(tensor)
        return tensor

    def on_first(self, action: Callable[[], T]) -> T:
        """Run an action on rank 0 and give its result to all processes.

        Raises:
            Refusal: In every process, where the action raised one, or failed.
        """
        told: list[Any] = [None, None]
        error: Exception | None = None
        if self.first:
            try:
                told = [action(), None]
            except Exception as caught:
                error = caught
                code = caught.exit_code if isinstance(caught, Refusal) else 1
                told = [None, (f"{caught}", code)]
        if self.world > 1:
            dist.broadcast_object_list(told)
        if error is not None:
            raise error
        if told[1] is not None:
            message, code = told[1]
            raise Refusal(message, exit_code=code)
        result: T = told[0]
        return result

    def on_each_machine(self, action: Callable[[], None]) -> None:
        """Run an action on one process of every machine, and wait for all.

        Raises:
            Refusal: In every process, where the action raised one.
        """
        problem: str | None = None
        if os.environ.get("LOCAL_RANK", "0") == "0":
            try:
                action()
            except Refusal as refusal:
                problem = str(refusal)
        problems: list[Any] = [None] * self.world
        dist.all_gather_object(problems, problem)
        for found in filter(None, problems):
            raise Refusal(found, exit_code=1)

    def wait(self) -> None:
        """Wait until all processes have called this."""
        if self.world > 1:
            dist.barrier()

    def close(self) -> None:
        """Leave the process group."""
        dist.destroy_process_group()
