"""What a line of metrics says of the steps since the line before; kept in checkpoints, so that a resume loses none."""

from collections.abc import Mapping
from typing import Any

import torch

from ..model.diffusion.loss_sums import LossSums
from .metrics import loss_metrics


class StepFigures:
    """Losses and gradients of the steps since the last line."""

    def __init__(self) -> None:
        self._sums: LossSums | None = None
        self._clipping = [0, 0]  # steps with a clipped gradient, and all
        self._norm = 0.0  # gradient norm of the last step

    def add(self, sums: LossSums, norm: float, clip: float) -> None:
        """Add a step.

        Args:
            sums: Its losses.
            norm: Norm of its gradient before clipping.
            clip: Norm above which a gradient is clipped.
        """
        self._sums = sums if self._sums is None else self._sums.plus(sums)
        self._clipping = [self._clipping[0] + (norm > clip), self._clipping[1] + 1]
        self._norm = norm

    def take(self, rate: int | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the figures of losses and of gradients, and begin anew.

        Args:
            rate: Sample rate of the audio tokenizer; None without one.
        """
        assert self._sums is not None
        losses, (clipped, steps) = loss_metrics(self._sums, rate), self._clipping
        self._sums, self._clipping = None, [0, 0]
        return losses, {"grad_norm": self._norm, "clipped": clipped / max(steps, 1)}

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        sums = None if self._sums is None else self._sums.sums_FTM.tolist()
        return {"clipping": self._clipping, "unlogged": sums}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint; those of earlier versions may have neither."""
        sums = state.get("unlogged")
        self._clipping = state.get("clipping", [0, 0])
        self._sums = None if sums is None else LossSums(torch.tensor(sums, dtype=torch.float64))
