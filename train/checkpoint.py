"""Checkpoints of a training run: complete, saved asynchronously, and visible only once they are whole.

All processes write a checkpoint under a temporary name; it is renamed to its final name, such as `step-00000100`, when
all of them are done. It holds tensors in a layout that any number of processes can load (torch.distributed.checkpoint),
and a JSON file with the rest of the state.
"""

import json
import shutil
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save

from ..schemas.errors import Refusal
from ..schemas.identity import sealed_json, unseal
from .distributed.process_group import ProcessGroup
from .optim.ema import Ema

STATE = "state.json"
PREFIX, TEMPORARY = "step-", ".tmp-"


@dataclass
class _Pending:
    """A checkpoint that is being written."""

    step: int
    written: Future[Any]


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, folder: Path, keep: int, process: ProcessGroup) -> None:
        self._folder = folder
        self._keep = keep
        self._process = process
        self._pending: _Pending | None = None
        # a group of its own, so that collectives of the saving thread do not mix with those of training
        self._group: Any = dist.new_group(backend="gloo")
        if process.first:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(f"{TEMPORARY}*"):
                shutil.rmtree(left)
        process.wait()

    def latest(self) -> int | None:
        """Step of the newest checkpoint; None if there is none."""
        return max(self._steps(), default=None)

    def save(
        self,
        step: int,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        ema: Ema | None,
        state: dict[str, Any],
    ) -> None:
        """Start saving a checkpoint in the background, after the previous one is finished.

        Args:
            step: Number of steps done.
            model: Model, possibly wrapped by DDP or FSDP.
            optimizer: Its optimizer.
            ema: Moving average of the weights, if the run keeps one.
            state: Rest of the state, JSON-ready. Its key `validation` is the validation loss by which the best
                checkpoint is
                chosen, or None.
        """
        self.finish()
        folder = self._folder / f"{TEMPORARY}{step:08d}"
        if self._process.first:
            folder.mkdir()
            (folder / STATE).write_bytes(sealed_json(state))
        self._process.wait()
        written = async_save(_tensors(model, optimizer, ema), checkpoint_id=folder, process_group=self._group)
        assert isinstance(written, Future)
        self._pending = _Pending(step, written)

    def finish(self) -> None:
        """Wait for the pending checkpoint, publish it and remove checkpoints that are no longer kept."""
        if self._pending is None:
            return
        self._pending.written.result()
        self.publish()
        self._process.wait()
        self._pending = None

    def publish(self) -> None:
        """Rename the pending checkpoint if all processes have written it, so that a later kill cannot lose it.

        Only rank 0 does so, where torch.distributed.checkpoint writes its metadata after all others are done.
        """
        if self._pending is None or not self._process.first or not self._pending.written.done():
            return
        name = f"{self._pending.step:08d}"
        temporary = self._folder / f"{TEMPORARY}{name}"
        if temporary.exists() and self._pending.written.exception() is None:
            temporary.rename(self._folder / f"{PREFIX}{name}")
            self._prune()

    def load(
        self, step: int, model: torch.nn.Module, optimizer: torch.optim.Optimizer, ema: Ema | None
    ) -> dict[str, Any]:
        """Load a checkpoint into model, optimizer and EMA.

        Returns:
            The rest of the state, as it was given to `save`.

        Raises:
            Refusal: If the checkpoint is damaged.
        """
        folder = self._folder / f"{PREFIX}{step:08d}"
        try:
            state = unseal((folder / STATE).read_bytes())
            tensors = _tensors(model, optimizer, ema)
            load(tensors, checkpoint_id=folder)
        except (OSError, ValueError, RuntimeError) as error:
            detail = " ".join(str(error).split())[:200]
            raise Refusal(
                f"{folder}: cannot be read ({detail}). Remove that folder to resume from the checkpoint before it.",
                exit_code=1,
            ) from None
        set_state_dict(model, optimizer, model_state_dict=tensors["model"], optim_state_dict=tensors["optimizer"])
        if ema is not None:
            ema.load_state_dict(tensors["ema"])
        return state

    def _steps(self) -> list[int]:
        return sorted(int(path.name.removeprefix(PREFIX)) for path in self._folder.glob(f"{PREFIX}*"))

    def _prune(self) -> None:
        """Remove all checkpoints but the last `keep` and the one with the best validation loss."""
        steps = self._steps()
        scores = {step: self._score(step) for step in steps}
        scored = [step for step in steps if scores[step] is not None]
        kept = {*steps[-self._keep :], *sorted(scored, key=lambda step: scores[step] or 0.0)[:1]}
        for step in steps:
            if step not in kept:
                shutil.rmtree(self._folder / f"{PREFIX}{step:08d}")

    def _score(self, step: int) -> float | None:
        score: float | None = json.loads((self._folder / f"{PREFIX}{step:08d}" / STATE).read_bytes()).get("validation")
        return score


def _tensors(model: torch.nn.Module, optimizer: torch.optim.Optimizer, ema: Ema | None) -> dict[str, Any]:
    weights, moments = get_state_dict(model, optimizer)
    tensors: dict[str, Any] = {"model": weights, "optimizer": moments}
    if ema is not None:
        tensors["ema"] = ema.state_dict()
    return tensors
