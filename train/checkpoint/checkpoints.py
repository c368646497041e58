"""Checkpoints of a training run: complete, saved asynchronously, and visible only once they are whole.

All processes write a checkpoint under a temporary name, in a layout that any number of processes can load
(torch.distributed.checkpoint). When all are done, the checksums of the files and the rest of the state are written into
`state.json`, and the folder is renamed to its final name, such as `step-00000100`.
"""

import shutil
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_saver import async_save

from ...schemas.config.training import CheckpointConfig
from ...schemas.errors import Refusal, brief
from ..distributed.process_group import ProcessGroup
from ..optim.ema import Ema
from ..optim.optimizer import Optimizers
from .failures import FAILURES, cause_of, result_or_problem
from .restricted_load import load_tensors
from .retention import TEMPORARY, complete_steps, folder_name, is_sound, kept_steps, replace_folder
from .seal import STATE, Entries, damaged, entries_of, read_state, write_state

if TYPE_CHECKING:
    from ..remote.remote_run import RemoteRun


@dataclass
class _Pending:
    """A checkpoint that is being written, and what went wrong once it is done (None: nothing)."""

    step: int
    outcome: Future[str | None]


class Checkpoints:
    """The checkpoints of one run. Foreign files and folders beside them are left alone."""

    def __init__(
        self, folder: Path, config: CheckpointConfig, process: ProcessGroup, remote: "RemoteRun | None" = None
    ) -> None:
        self._folder = folder
        self._remote = remote  # where checkpoints are uploaded to, if the run lies at a URL
        self._config = config
        self._process = process
        self._pending: _Pending | None = None
        # a group of its own, so that collectives of the saving thread do not mix with those of training
        self._group: Any = dist.new_group(backend="gloo")
        if process.first:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(f"{TEMPORARY}*"):
                shutil.rmtree(left)
        process.wait()

    def steps(self) -> list[int]:
        """Steps of the complete checkpoints, in order."""
        return complete_steps(self._folder)

    def last_sound(self) -> int | None:
        """Step of the newest checkpoint from before training began to break down."""
        for step in reversed(self.steps()):
            with suppress(OSError, ValueError):
                if is_sound(read_state(self._path(step))[0]):
                    return step
        return None

    def save(
        self,
        step: int,
        model: torch.nn.Module,
        optimizer: Optimizers,
        ema: Ema | None,
        state: dict[str, Any],
    ) -> str | None:
        """Start saving a checkpoint in the background, after the previous one is finished.

        Args:
            step: Number of steps done.
            model: Model, possibly wrapped by DDP or FSDP.
            optimizer: Its optimizers.
            ema: Moving average of the weights, if the run keeps one.
            state: Rest of the state, JSON-ready. `validation` is the validation loss of these weights, by which the
                best checkpoint is chosen, or None; `sound` is False while training is breaking down.

        Returns:
            Why the previous checkpoint could not be saved; None if it was.
        """
        problem = self.finish()
        folder = self._folder / f"{TEMPORARY}{step:08d}"
        written = async_save(_tensors(model, optimizer, ema), checkpoint_id=folder, process_group=self._group)
        assert isinstance(written, Future)
        outcome: Future[str | None] = Future()
        threading.Thread(target=self._complete, args=(step, folder, written, state, outcome), daemon=True).start()
        self._pending = _Pending(step, outcome)
        return problem

    def finish(self) -> str | None:
        """Wait for the pending checkpoint; returns why it could not be saved, or None."""
        if self._pending is None:
            return None
        pending, self._pending = self._pending, None
        return pending.outcome.result()

    def _complete(
        self, step: int, folder: Path, written: Future[Any], state: dict[str, Any], outcome: Future[str | None]
    ) -> None:
        """Seal and publish a checkpoint once all processes have written it; runs in a thread of every process."""
        try:
            all_mine = self._of_all(result_or_problem(folder, lambda: self._written(step, folder, written)))
            problem = next((each for each in all_mine if isinstance(each, str)), None)
            if problem is None and self._remote is not None:
                own = list(all_mine[self._process.rank])
                uploaded = self._of_all(result_or_problem(folder, lambda: self._upload(step, folder, own)))
                problem = next((each for each in uploaded if isinstance(each, str)), None)
            if self._process.first:
                if problem is None:
                    files = {name: entry for each in all_mine for name, entry in each.items()}
                    published = result_or_problem(folder, lambda: self._publish(step, folder, state, files))
                    problem = published if isinstance(published, str) else None
                if problem is not None:
                    shutil.rmtree(folder, ignore_errors=True)
            told: list[Any] = [problem, self._remote is not None and self._remote.lost]
            dist.broadcast_object_list(told, group=self._group, group_src=0)
            if self._remote is not None and not self._process.first:  # on other machines
                shutil.rmtree(folder, ignore_errors=True)
            if told[1]:
                raise Refusal(str(told[0]), exit_code=1)
            outcome.set_result(told[0])
        except BaseException as error:  # a process of the group is gone
            outcome.set_exception(error)

    def _of_all(self, mine: Any) -> list[Any]:
        found: list[Any] = [None] * self._process.world
        dist.all_gather_object(found, mine, group=self._group)
        return found

    def _upload(self, step: int, folder: Path, names: list[str]) -> None:
        assert self._remote is not None
        self._remote.checkpoints.upload(step, folder, names)
        self._remote.upload_log(self._process.rank)

    def _written(self, step: int, folder: Path, written: Future[Any]) -> Entries:
        """Wait until this process has written its files, and hash them."""
        written.result()
        if self._process.first and self._remote is not None:
            self._remote.require_held()
            self._remote.checkpoints.open(step)
        return entries_of(folder, self._process.rank)

    def _publish(self, step: int, folder: Path, state: dict[str, Any], files: Entries) -> None:
        write_state(folder, state, files)
        if self._remote is not None:
            self._remote.checkpoints.seal(step, folder)
        replace_folder(folder, self._path(step))
        self._prune()

    def discard_after(self, step: int) -> None:
        """Remove the checkpoints of later steps; called on rank 0, when a run goes on from an earlier one."""
        for later in [each for each in self.steps() if each > step]:
            self._remove(later)

    def restate(self, step: int, state: dict[str, Any]) -> None:
        """Replace the state of a checkpoint, whose tensors stay as they are; called on rank 0."""
        folder = self._path(step)
        write_state(folder, state, read_state(folder)[1])
        if self._remote is not None:
            self._remote.checkpoints.seal(step, folder)

    def load(self, step: int, model: torch.nn.Module, optimizer: Optimizers, ema: Ema | None) -> dict[str, Any]:
        """Verify a checkpoint and load it into model, optimizer and EMA.

        Returns:
            The rest of the state, as it was given to `save`.

        Raises:
            Refusal: The checkpoint is damaged; the message names the one before it.
        """
        folder, remote = self._path(step), self._remote
        if remote is not None:
            self._process.on_each_machine(lambda: remote.checkpoints.fetch(step))
        tensors = _tensors(model, optimizer, ema)
        self._require_sound(step, folder)
        try:
            state, _ = read_state(folder)
            load_tensors(tensors, folder)
        except FAILURES as error:
            raise self._refusal(step, brief(cause_of(error), 200)) from None
        set_state_dict(
            model, optimizer.members, model_state_dict=tensors["model"], optim_state_dict=tensors["optimizer"]
        )
        if ema is not None:
            ema.load_state_dict(tensors["ema"])
        return state

    def _require_sound(self, step: int, folder: Path) -> None:
        """Check the files, each by one of the processes."""
        try:
            _, files = read_state(folder)
            problem = damaged(folder, files or {}, self._process.rank, self._process.world)
        except (OSError, ValueError) as error:
            problem = f"{STATE}: {error}"
        found = next((each for each in self._of_all(problem) if each), None)
        if found:
            raise self._refusal(step, found)

    def _refusal(self, step: int, problem: str) -> Refusal:
        before = [each for each in self.steps() if each < step]
        advice = f"Resume from the checkpoint before it with `--from {before[-1]}`" if before else "Restore its files"
        return Refusal(
            f"{self._path(step)}: this checkpoint is damaged: {problem}. {advice}, or train in another `out`.",
            exit_code=1,
        )

    def _path(self, step: int) -> Path:
        return self._folder / folder_name(step)

    def _prune(self) -> None:
        """Remove the checkpoints that are not kept."""
        states: dict[int, dict[str, Any]] = {}
        for step in self.steps():
            with suppress(OSError, ValueError):  # damaged ones are left to the user
                states[step] = read_state(self._path(step))[0]
        for step in states.keys() - kept_steps(states, self._config):
            with suppress(Refusal):  # of a store that fails now; tried again after the next checkpoint
                self._remove(step)

    def _remove(self, step: int) -> None:
        """Remove a checkpoint; a kill leaves the whole of it, or what the next start removes."""
        if self._remote is not None:
            self._remote.checkpoints.remove(step)
        left = self._folder / f"{TEMPORARY}removed-{step:08d}"
        self._path(step).rename(left)
        shutil.rmtree(left)


def _tensors(model: torch.nn.Module, optimizer: Optimizers, ema: Ema | None) -> dict[str, Any]:
    weights, moments = get_state_dict(model, optimizer.members)
    tensors: dict[str, Any] = {"model": weights, "optimizer": moments}
    if ema is not None:
        tensors["ema"] = ema.state_dict()
    return tensors
