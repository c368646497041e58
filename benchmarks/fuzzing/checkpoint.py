"""A checkpoint of a small model: saved once, loaded again and again."""

import multiprocessing
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from triptych.schemas.config.training import CheckpointConfig, EmaConfig
from triptych.train.checkpoint.checkpoints import Checkpoints
from triptych.train.distributed.process_group import ProcessGroup
from triptych.train.optim.ema import Ema
from triptych.train.optim.optimizer import Optimizers

STEP = 3


class Small:
    """A model of one layer with its optimizer and average."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = torch.nn.Linear(3, 2)
        self.adam = torch.optim.AdamW(self.model.parameters(), lr=0.1)
        self.optimizer = Optimizers([self.adam])
        self.ema = Ema(self.model, EmaConfig(), 10)
        self.model(torch.randn(4, 3)).square().sum().backward()
        self.optimizer.step()
        self.ema.update(self.model, 0)

    def content(self) -> list[Any]:
        """All that a checkpoint holds of it."""
        states = [self.adam.state[weight] for weight in self.model.parameters()]
        tensors = [*self.model.parameters(), *self.ema.state_dict().values()]
        tensors += [value for state in states for value in state.values()]
        groups = [{key: value for key, value in g.items() if key != "params"} for g in self.optimizer.param_groups]
        return [*(np.asarray(tensor.detach()) for tensor in tensors), groups]


def save(folder: Path) -> None:
    """Save a checkpoint, in a process of its own: the threads that write it would not outlive a fork."""
    process: Any = multiprocessing.get_context("fork").Process(target=_save, args=(folder,))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("the checkpoint was not saved")


def _save(folder: Path) -> None:
    group = ProcessGroup.start()
    checkpoints, small = Checkpoints(folder, CheckpointConfig(), group), Small(0)
    checkpoints.save(STEP, small.model, small.optimizer, small.ema, {"step": STEP, "validation": 0.5})
    problem = checkpoints.finish()
    group.close()
    if problem:
        raise RuntimeError(problem)


@lru_cache(maxsize=1)
def _opened(folder: Path) -> Checkpoints:
    # once a process: each has a group of its own, with threads
    return Checkpoints(folder, CheckpointConfig(), ProcessGroup.start())


def load(folder: Path) -> list[Any]:
    """Load the checkpoint into another model, and return what that holds then."""
    small = Small(1)
    state = _opened(folder).load(STEP, small.model, small.optimizer, small.ema)
    return [*small.content(), state]
