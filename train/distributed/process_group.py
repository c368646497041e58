"""The processes of a run: one, or those that torchrun started; what they have to agree on goes through here."""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import HashStore

PATIENCE = timedelta(minutes=30)  # for a process that reads a shard from afar


@dataclass(frozen=True)
class ProcessGroup:
    """One of them: who it is, and how it reaches the others."""

    rank: int
    world: int
    device: torch.device

    @classmethod
    def start(cls) -> Self:
        """Join the others; a run of one process is a group of one, so that nothing else has to tell them apart."""
        cuda = torch.cuda.is_available()
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
        if cuda:
            torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"  # checkpoints are written from the host
        if "RANK" in os.environ:
            dist.init_process_group(backend, timeout=PATIENCE)
        else:
            dist.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
        return cls(dist.get_rank(), dist.get_world_size(), device)

    @property
    def first(self) -> bool:
        """Whether it is the one that writes and speaks."""
        return self.rank == 0

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, in place."""
        if self.world > 1:
            dist.all_reduce(tensor)
        return tensor

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            dist.barrier()

    def close(self) -> None:
        """Leave the group."""
        dist.destroy_process_group()
