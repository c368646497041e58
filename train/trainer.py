"""The training loop: load, step, log, validate and save, starting from the last checkpoint if there is one."""

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, NoReturn

import torch

from ..model.network.export import VOCABULARY
from ..model.network.presets import shape_of
from ..model.network.slices import Slices
from ..model.network.transformer import Transformer
from ..schemas.config.training import TrainConfig
from ..schemas.errors import Refusal
from ..schemas.visible import print_line
from .checkpoint.checkpoints import Checkpoints
from .checkpoint_samples import CheckpointSamples
from .data.loader import Loader, MicroBatch, micro_rows
from .data.plan import Plan
from .data.shard_cache import ShardCache
from .data.shards import Shards
from .distributed.parallel import Parallel
from .distributed.process_group import ProcessGroup
from .export import export_model
from .generate.companions import save_companions
from .head_bias import set_head_bias
from .initial_weights import Initial
from .metrics import Throughput
from .optim.batch_scaling import scaled_settings
from .optim.ema import Ema
from .optim.lr_schedule import lr_factor
from .optim.optimizer import make_optimizer, set_hyperparameters, set_lr
from .optim.skip_steps import Breakdown, SkipSteps
from .remote.remote_run import RemoteRun, run_folder
from .reports import open_reports
from .run_record import SKIPPED, Change, RunRecord
from .step import Gradients, RowsLost, StepResult
from .step_figures import StepFigures
from .stop_signals import StopSignals
from .validate import Validation, validation_sets


class Trainer:
    """One process of a training run."""

    def __init__(
        self,
        config: TrainConfig,
        plan: Plan,
        process: ProcessGroup,
        remote: RemoteRun | None = None,
        initial: Initial | None = None,
    ) -> None:
        self.initial = initial  # weights that a new model begins with
        self.config, self.plan, self.process = config, plan, process
        self.folder, self.remote = run_folder(config, remote), remote
        self.cache = ShardCache(config.data.cache, config.data.cache_bytes)
        self.shards = Shards(plan, self.cache)
        self.slices = Slices.of(plan.vocabulary)
        with torch.device("meta"):
            self.model = Transformer(shape_of(config.model), plan.vocabulary)
        self.parallel = Parallel(self.model, config.compute, process, config.seed, config.model.embedding_std)
        tokens = plan.rows * plan.row_length
        self.adam = scaled_settings(config.optimizer, tokens, config.steps)
        self.optimizer = make_optimizer(self.model, self.adam)
        self.ema = Ema(self.model, config.ema, config.steps) if config.ema else None
        self.guard = SkipSteps()
        self._uniform = math.log(max(self.slices.widths))  # nats of a uniform guess, at most
        self.micro_rows = micro_rows(config, plan.row_length)
        self.loader = Loader(
            plan,
            self.shards,
            rank=process.rank,
            world=process.world,
            micro_rows=self.micro_rows,
            workers=config.data.workers,
            pin=process.device.type == "cuda",
        )
        self.gradients = Gradients(self.parallel, config, self.slices)
        sets = validation_sets(config, plan, self.shards, self.cache)
        self.validation = Validation(config, sets, self.parallel, self.micro_rows)
        self.checkpoints = Checkpoints(self.folder / "checkpoints", config.checkpoint, process, remote)
        self.samples = CheckpointSamples(config, self.folder, self.parallel)
        self.step = 0  # steps done
        self.tokens = 0  # tokens of segments in all steps done
        self.rollbacks = 0  # after a breakdown
        self.validated: float | None = None  # bits per token of these weights, summed over modalities, if validated
        self.figures = StepFigures()  # of the steps since the last metrics line
        self._lost: Exception | None = None  # why rows could not be read

    def run(
        self,
        start: int | None,
        changed: bool = False,
        begun: Callable[[dict[str, Any]], None] = lambda state: None,
    ) -> bool:
        """Train until the last step or until a signal; returns whether the last step was reached.

        Args:
            start: Step of the checkpoint to resume from; None for a new run.
            changed: Whether the train file was changed at that step.
            begun: Called on rank 0 with the state of the loader once the checkpoint was loaded, before the first step.
        """
        with StopSignals(self.process.first) as signals:
            if start is not None:
                self._resume(start, changed)
                # they are not of the run that goes on from here, and must not be taken for its newest
                self.process.on_first(lambda: self.checkpoints.discard_after(start))
            self.process.on_first(lambda: begun(self.loader.state()))
            self.process.on_first(self._prepare_sampling)
            if start is None:
                self._begin()
            self._to_the_end(signals)
        self.loader.close()
        self.cache.close()
        return self.step >= self.config.steps

    def _begin(self) -> None:
        """Set what a new model has from its data."""
        set_head_bias(self.model, self.plan, self.shards, self.config, self.process)
        if self.initial is not None:
            self.initial.apply(self.model)
            self.initial = None  # their memory is free again
        if self.ema is not None:
            self.ema.load_state_dict(dict(self.model.named_parameters()))

    def _to_the_end(self, signals: StopSignals) -> None:
        """Train, wait for the last checkpoint, and export; signals are held back meanwhile."""
        while True:
            try:
                self._train(signals)
                break
            except Breakdown as breakdown:
                self._roll_back(breakdown)
            except RowsLost:
                self._end_without_rows()
        failed = self.checkpoints.finish()
        if failed is not None:
            raise Refusal(f"step {self.step}: the last checkpoint could not be saved: {failed}", exit_code=1)
        self._export()
        if self.remote is not None:
            self.process.on_first(self.remote.upload_model)

    def _train(self, signals: StopSignals) -> None:
        clock = Throughput(self.process.world, self.process.device)
        size = self.model.shape.parameters(self.plan.vocabulary)
        parameters = size.embedding + size.rest
        with open_reports(self.folder, self.plan, self.config, self.process, self.step, parameters) as reports:
            for micros in self._batches():
                result = self.gradients(micros or [], signals.requested, micros is None)
                problem = self._update(result, micros)
                clock.count(result.tokens, result.flops)
                if problem is not None:
                    reports.print_line(f"step {self.step}: skipped, because {problem}")
                last = self.step == self.config.steps
                if last or self.step % self.config.log_every == 0:
                    reports.step(self.step, self._line(result, clock))
                if last or self.step % self.config.validation.every == 0:
                    for line in self._validation_lines():
                        reports.validation(line)
                    self.validated = self.validation.score
                    clock.restart()
                if self.samples.due(self.step):
                    self.samples.write(self.step, self.ema, reports.print_line)
                    clock.restart()
                stop = last or result.stop
                if stop or self.step % self.config.checkpoint.every == 0:
                    failed = self._save()
                    if failed is not None:
                        reports.print_line(f"warning: a checkpoint could not be saved: {failed} Training goes on.")
                    clock.restart()
                if stop:
                    break

    def _batches(self) -> Iterator[list[MicroBatch] | None]:
        """The rows of each step; None, and nothing more, if they cannot be read: then `_lost` says why."""
        try:
            for micros in self.loader:  # noqa: UP028 -- `yield from` would close the loader at a rollback
                yield micros
        except (Refusal, OSError) as error:
            self._lost = error
            yield None

    def _validation_lines(self) -> Iterator[dict[str, Any]]:
        try:
            yield from self.validation.lines(self.step, self.ema, self._rate)
        except (Refusal, OSError) as error:
            if self.process.world > 1:  # the others cannot be told in the middle of a validation
                raise
            self._lost = error
            raise RowsLost from None

    def _end_without_rows(self) -> NoReturn:
        """Save a checkpoint of the steps that are done, and say which rows could not be read."""
        failed = self.checkpoints.finish()
        if self.step and self.step not in self.process.on_first(self.checkpoints.steps):
            self._save()
            failed = self.checkpoints.finish()
        what = str(self._lost).rstrip(".") + "." if self._lost else "another process could not read its rows."
        kept = f"a checkpoint could not be saved: {failed}" if failed else f"a checkpoint of step {self.step} is saved."
        if not self.step:
            kept = "no step was done."
        fix = "Restore the dataset, then run the same command again to resume."
        raise Refusal(f"{what} The training ends here; {kept} {fix}", exit_code=1) from self._lost

    def _update(self, result: StepResult, micros: Any) -> str | None:
        norm = self.parallel.clip_gradients(self.config.optimizer.clip)
        self.validated = None
        problem = self.guard.check(result.loss, norm, result.targets, result.sums.nats_per_token / self._uniform)
        set_lr(self.optimizer, lr_factor(self.config.optimizer, self.step, self.config.steps))
        if problem is None:
            self.optimizer.step()
            if self.ema is not None:
                self.ema.update(self.model, self.step)
        else:
            self.guard.save_batch(self.folder / "culprits", self.step, self.process.rank, micros)
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += result.tokens
        self.figures.add(result.sums, norm, self.config.optimizer.clip)
        return problem

    def _line(self, result: StepResult, clock: Throughput) -> dict[str, Any]:
        losses, gradients = self.figures.take(self._rate)
        lr = self.adam.lr * lr_factor(self.config.optimizer, self.step - 1, self.config.steps)
        line = {"step": self.step, "loss": result.loss, **losses, "tokens": self.tokens, **clock.read()}
        return line | {"lr": lr, **gradients, "left_out": self.guard.left_out}

    def _roll_back(self, breakdown: Breakdown) -> None:
        """Go back to the last sound checkpoint, and on behind the rows that were read since."""
        self.checkpoints.finish()
        step = self.process.on_first(self.checkpoints.last_sound)
        done = self.rollbacks
        if self.config.on_breakdown == "stop" or step is None or done >= self.config.max_rollbacks:
            kept = "No checkpoint was saved" if step is None else f"The checkpoint of step {step} is from"
            raise Refusal(f"{breakdown} {kept} before the first skipped step.", exit_code=1) from None
        reached, read = self.step, self.loader.rows_read()
        self.optimizer.zero_grad(set_to_none=True)  # of the step that broke down
        self._resume(step, changed=False)
        self.loader.begin(step, read)
        self.rollbacks = done + 1
        # a kill in between is made good by breaking down once more: the loaded checkpoint changes last
        self.process.on_first(lambda: self.checkpoints.discard_after(step))
        self.process.on_first(lambda: self._note_rollback(Change(step=step, keys={SKIPPED: (step, reached)}), done))
        self.process.on_first(lambda: self.checkpoints.restate(step, self._state()))
        if self.process.first:
            print_line(f"warning: {breakdown} Went back to step {step}, and on behind the rows read since.", err=True)

    def _note_rollback(self, change: Change, done: int) -> None:
        RunRecord.read(self.folder).with_rollback(change, done).with_stretch(self.loader.state()).write(self.folder)
        if self.remote is not None:  # before the checkpoint says that it was
            self.remote.write_record(self.folder)

    @property
    def _rate(self) -> int | None:
        entry = self.plan.datasets[0].manifest.tokenizers.get("audio")
        return entry.card.sample_rate if entry else None

    def _save(self) -> str | None:
        """Start saving a checkpoint; returns why the one before could not be saved, or None.

        Nothing is saved while steps are being skipped: the weights may be broken.
        """
        if self.guard.in_a_row:
            return self.checkpoints.finish()
        return self.checkpoints.save(self.step, self.model, self.optimizer, self.ema, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "tokens": self.tokens,
            "loader": self.loader.state(),
            "rows_read": self.loader.rows_read(),
            "guard": self.guard.state(),
            "validation": self.validated,
            "sound": self.guard.sound,
            "rollbacks": self.rollbacks,
            **self.figures.state(),
        }

    def _resume(self, start: int, changed: bool) -> None:
        state = self.checkpoints.load(start, self.model, self.optimizer, self.ema)
        set_hyperparameters(self.optimizer, self.model, self.adam)
        self.step, self.tokens, self.validated = state["step"], state["tokens"], state["validation"]
        self.guard = SkipSteps(**state["guard"])
        self.rollbacks = state.get("rollbacks", 0)
        self.loader.load_state(state["loader"], self.step if changed else None, state.get("rows_read"))
        self.figures.load_state(state)

    def _prepare_sampling(self) -> None:
        """Write what sampling needs beside weights, so that checkpoints can be sampled while training goes on."""
        if not (self.folder / "model" / VOCABULARY).exists():
            save_companions(self.folder / "model", self.plan, self.shards)
        self.samples.require_possible(self.plan)

    def _export(self) -> None:
        """Write the final model's folder: the moving average of the weights, or the weights if there is none."""
        with self.ema.swapped(self.model) if self.ema else nullcontext():
            export_model(self.folder / "model", self.model, self.plan, self.shards, self.config, self.process)
