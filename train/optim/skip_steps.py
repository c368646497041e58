"""Steps that would harm the model are left out: a loss or gradient that is no number, or a gradient far off all others.

The batch that did it is saved, so that it can be looked at. What the guard remembers is part of a checkpoint: a
resumed run judges as the first one did.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ...schemas.errors import Refusal
from ..data.loader import MicroBatch

SPIKE = 20.0  # times the geometric mean of the norms before
MEMORY = 0.98  # decay of that mean a step
TRUSTED = 50  # steps before a norm can be judged
PATIENCE = 20  # steps in a row that may be left out
CULPRITS = 10  # batches that are saved


@dataclass
class SkipSteps:
    """Judges steps one after another."""

    mean: float = 0.0  # of log norms
    seen: int = 0
    in_a_row: int = 0
    left_out: int = 0

    def check(self, loss: float, norm: float) -> str | None:
        """None for a sound step, else what is wrong with it; raises Refusal when too many in a row are not."""
        problem = self._problem(loss, norm)
        if problem is None:
            self.in_a_row = 0
            self.mean = self.mean * MEMORY + math.log(max(norm, 1e-12)) * (1 - MEMORY)
            self.seen += 1
            return None
        self.in_a_row += 1
        self.left_out += 1
        if self.in_a_row >= PATIENCE:
            raise Refusal(
                f"training broke down: {PATIENCE} steps in a row were left out, the last because {problem}. Lower "
                "`optimizer.lr`, lengthen `optimizer.warmup`, or look at the batches in `culprits/` of the run's "
                "folder; then run the same command again: it goes on from the last checkpoint.",
                exit_code=1,
            )
        return problem

    def _problem(self, loss: float, norm: float) -> str | None:
        if not math.isfinite(loss):
            return f"the loss was {loss}"
        if not math.isfinite(norm):
            return f"the gradient's norm was {norm}"
        usual = math.exp(self.mean / max(1 - MEMORY**self.seen, 1e-12))  # without the bias towards the start
        if self.seen >= TRUSTED and norm > SPIKE * usual:
            return f"the gradient's norm was {norm:.3g}, where {usual:.3g} is usual"
        return None

    def save_batch(self, folder: Path, step: int, rank: int, micros: list[MicroBatch]) -> None:
        """Leave the batch as tensors, with `torch.load` to be read by whoever looks into it."""
        if self.left_out <= CULPRITS:
            folder.mkdir(parents=True, exist_ok=True)
            batches = [dict(vars(micro.batch)) for micro in micros]
            torch.save(batches, folder / f"step-{step:08d}-rank-{rank:04d}.pt")

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return asdict(self)
