"""Skips steps with a non-finite loss or gradient, a gradient spike, or a loss that only broken weights have.

The batch of a skipped step is saved for inspection. The state is part of a checkpoint, so a resumed run makes the same
decisions.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ...schemas.errors import Refusal
from ...schemas.storage.full_disk import failed_write
from ..data.loader import MicroBatch

SPIKE = 20.0  # times the geometric mean of earlier gradient norms
BROKEN = 20.0  # times the loss of a uniform guess; Muon's gradients do not spike when a model is broken
YOUNG = 20  # accepted steps in which a new model may recover from such a loss
MEMORY = 0.98  # decay of that mean per step
TRUSTED = 50  # accepted steps before spikes are detected
PATIENCE = 20  # consecutive skipped steps that end the run
CULPRITS = 10  # number of batches that are saved


class Breakdown(Refusal):
    """Too many consecutive steps were skipped."""


@dataclass
class SkipSteps:
    """Decides for each step whether to apply it. The attributes are saved in checkpoints."""

    mean: float = 0.0  # moving average of log norms, without bias correction
    seen: int = 0  # accepted steps
    in_a_row: int = 0  # consecutive skipped steps
    left_out: int = 0  # skipped steps in all
    calm: int = TRUSTED  # accepted steps since the last skipped one, at most TRUSTED

    @property
    def sound(self) -> bool:
        """False from the first skipped step until TRUSTED steps in a row were accepted."""
        return self.calm >= TRUSTED

    def check(self, loss: float, norm: float, targets: float, of_uniform: float = 1.0) -> str | None:
        """Check a step before it is applied.

        Args:
            loss: Loss of the global batch.
            norm: Gradient norm of the global batch.
            targets: Its targets; the norm of a step without any says nothing about what is usual.
            of_uniform: Its bound, without loss weights, divided by that of a uniform guess.

        Returns:
            None if the step is to be applied, else the reason for skipping it.

        Raises:
            Breakdown: If too many consecutive steps were skipped.
        """
        if not targets:
            return None
        problem = self._problem(loss, norm)
        if problem is None and self.seen >= YOUNG and of_uniform > BROKEN:
            problem = f"the loss was {of_uniform:,.0f} times that of a uniform guess"
        if problem is None:
            self.in_a_row = 0
            self.calm = min(self.calm + 1, TRUSTED)
            self.mean = self.mean * MEMORY + math.log(max(norm, 1e-12)) * (1 - MEMORY)
            self.seen += 1
            return None
        self.in_a_row += 1
        self.calm = 0
        self.left_out += 1
        if self.in_a_row >= PATIENCE:
            raise Breakdown(
                f"training broke down: {PATIENCE} consecutive steps were skipped, the last because {problem}. Lower "
                "`optimizer.lr` (with Muon also `matrix_lr`) or lengthen `optimizer.warmup` and train in another "
                "`out`; the batches are in `culprits/` of the run's folder.",
                exit_code=1,
            )
        return problem

    def _problem(self, loss: float, norm: float) -> str | None:
        if not math.isfinite(loss):
            return f"the loss was {loss}"
        if not math.isfinite(norm):
            return f"the gradient's norm was {norm}"
        usual = math.exp(self.mean / max(1 - MEMORY**self.seen, 1e-12))  # bias-corrected, as in Adam
        if self.seen >= TRUSTED and norm > SPIKE * usual:
            return f"the gradient's norm was {norm:.3g}, where {usual:.3g} is usual"
        return None

    def save_batch(self, folder: Path, step: int, rank: int, micros: list[MicroBatch]) -> None:
        """Save the batch of a skipped step with `torch.save`, for the first CULPRITS of them, if the disk has room."""
        if self.left_out > CULPRITS:
            return
        path = folder / f"step-{step:08d}-rank-{rank:04d}.pt"
        batches = [dict(vars(micro.batch)) for micro in micros]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.save(batches, path)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as the second
            if failed_write(error, folder) is None:
                raise
            path.unlink(missing_ok=True)

    def state(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return asdict(self)
