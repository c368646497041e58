"""Speed of training: the trainer's own step on the mix, for each model, way to pack, attention backend and batch size.

A step is what the trainer does: rows from its loader, noise on the CPU, forward and backward passes in bfloat16 with
compiled layers, clipping, guard, optimizer, EMA. Tokens are those of segments: padding does not count, neither in
tokens a second nor in the model FLOPs utilization (MFU, model/network/flops.py). The clock is read when the device is
idle.
"""

import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch

from triptych.schemas.config.training import OptimizerConfig
from triptych.train.data.loader import Loader, micro_rows
from triptych.train.data.plan import plan_of
from triptych.train.distributed.process_group import ProcessGroup
from triptych.train.trainer import Trainer

from .device import peak_gibibytes, wait
from .setting import Setting, shards_of, train_config
from .varlen import kernel, varlen_model

ENOUGH = 20  # seconds within which a case ends on a GPU, its compilation included


class TimedOptimizer:
    """The trainer's optimizer, with a look at the clock before and after a step."""

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self.seconds: list[float] = []

    def step(self) -> None:
        """Take a step."""
        wait()
        begun = time.perf_counter()
        self._optimizer.step()
        wait()
        self.seconds.append(time.perf_counter() - begun)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizer, name)


class Timed(Trainer):
    """A trainer whose steps are timed; other plans can take the place of its own."""

    def __init__(self, setting: Setting, process: ProcessGroup, name: str, **optimizer: str) -> None:
        self._setting, self._name = setting, name
        config = self._config(setting.packed, setting.sizes.batches[0], optimizer=optimizer)
        super().__init__(config, plan_of(config), process)
        self.optimizer: Any = TimedOptimizer(self.optimizer)

    def _config(self, dataset: Path, batch_tokens: int, **more: dict[str, Any]) -> Any:
        sizes = self._setting.sizes
        compute = {"micro_batch_tokens": sizes.pass_tokens}
        model, out = sizes.models[self._name], self._setting.work / f"speed-{self._name}"
        return train_config(dataset, out, model, batch_tokens, sizes.warm + sizes.steps, compute=compute, **more)

    def rates(self, dataset: Path, batch_tokens: int) -> dict[str, Any]:
        """Take the steps of a plan on a dataset, and tell how fast they were."""
        config = self._config(dataset, batch_tokens)
        plan = plan_of(config)
        rows = micro_rows(config, plan.row_length)
        pin = self.process.device.type == "cuda"
        loader = Loader(plan, shards_of(plan, self._setting), micro_rows=rows, workers=2, pin=pin)
        self.optimizer.seconds.clear()
        waits, backwards, wholes, tokens, flops = [], [], [], 0, 0.0
        peak_gibibytes()
        for number in range(plan.steps):
            begun = time.perf_counter()
            micros = next(loader)
            loaded = time.perf_counter()
            result = self.gradients(micros, False)
            wait()
            passed = time.perf_counter()
            self._update(result, micros)
            wait()
            if number >= self._setting.sizes.warm:
                waits.append(loaded - begun)
                backwards.append(passed - loaded)
                wholes.append(time.perf_counter() - begun)
                tokens, flops = tokens + result.tokens, flops + result.flops
        noise = [self._noise_seconds(micros) for _ in range(2)]
        loader.close()
        whole, optimizer = sum(wholes), self.optimizer.seconds[self._setting.sizes.warm :]
        peak = self._setting.peak
        return {
            "tokens_per_second": tokens / whole,
            "mfu": None if peak is None else flops / whole / peak,
            "step_ms": 1000 * statistics.median(wholes),
            "step_ms_min": 1000 * min(wholes),
            "step_ms_max": 1000 * max(wholes),
            "passes_share": sum(backwards) / whole,
            "optimizer_share": sum(optimizer) / whole,
            "loader_wait_share": sum(waits) / whole,
            "noise_share": min(noise) * len(wholes) / whole,
            "GiB": peak_gibibytes(),
        }

    def _noise_seconds(self, micros: Any) -> float:
        """Time that the noise of a step takes on the CPU, while nothing is computed."""
        begun = time.perf_counter()
        for micro in micros:
            self.gradients._noised(micro)
        return time.perf_counter() - begun


def measure(setting: Setting) -> None:
    """All cases, the most important first: what the time limit cuts off are the last."""
    process = ProcessGroup.start()
    try:
        for name in setting.sizes.models:
            _own_way(setting, process, name)
        for name in setting.sizes.models:
            _other_backends(setting, process, name)
    finally:
        process.close()


def _own_way(setting: Setting, process: ProcessGroup, name: str) -> None:
    """Packed rows at every batch size, padded rows, and every kind of optimizer, attention as by default."""
    if not setting.record.has_time(f"{name}, as by default", ENOUGH if setting.cuda else 0):
        return
    torch.compiler.reset()  # shapes of another model would become dynamic ones
    first, *others = setting.sizes.batches
    kinds = _optimizers()
    trainer = Timed(setting, process, name, **kinds[0])
    label = f"{name}, {_backend(setting)}, {_word(kinds[0])}"
    larger = [batch for batch in others if batch >= first]
    for batch in (first, *larger):
        _case(setting, f"{label}, packed, {batch:,} tokens", partial(trainer.rates, setting.packed, batch))
    _case(setting, f"{label}, padded, {first:,} tokens", partial(trainer.rates, setting.padded, first))
    for batch in set(others) - set(larger):
        torch.compiler.reset()
        _case(setting, f"{label}, packed, {batch:,} tokens", partial(trainer.rates, setting.packed, batch))
    del trainer
    for kind in kinds[1:]:
        torch.compiler.reset()

        def rates(kind: dict[str, str] = kind) -> dict[str, Any]:
            return Timed(setting, process, name, **kind).rates(setting.packed, first)

        _case(setting, f"{name}, {_backend(setting)}, {_word(kind)}, packed, {first:,} tokens", rates)


def _other_backends(setting: Setting, process: ProcessGroup, name: str) -> None:
    """The same model with dense and with flash attention."""
    first = setting.sizes.batches[0]
    run = kernel()
    for backend in ("dense", "varlen"):
        label = f"{name}, {backend}, {_word(_optimizers()[0])}, packed, {first:,} tokens"
        if backend == "varlen" and isinstance(run, str):
            setting.record.leave_out(label, run)
            continue
        torch.compiler.reset()

        def rates(backend: str = backend) -> dict[str, Any]:
            trainer = Timed(setting, process, name, **_optimizers()[0])
            trainer.model._backend = "dense" if backend == "dense" else None
            with nullcontext() if isinstance(run, str) or backend == "dense" else varlen_model(run):
                return trainer.rates(setting.packed, first)

        _case(setting, label, rates)


def _case(setting: Setting, label: str, rates: Callable[[], dict[str, Any]]) -> None:
    """Measure a case if there is time; one that does not fit into memory is left out."""
    if not setting.record.has_time(label, ENOUGH if setting.cuda else 0):
        return
    try:
        setting.record.add(label, **rates())
    except torch.OutOfMemoryError:
        setting.record.leave_out(label, "the memory of the device did not suffice")
    if setting.cuda:
        torch.cuda.empty_cache()


def _optimizers() -> list[dict[str, str]]:
    """Settings of each kind of optimizer that train files have, the default first."""
    field = OptimizerConfig.model_fields.get("kind")
    if field is None:
        return [{}]
    kinds = sorted({"muon", "adamw"}, key=lambda kind: kind != field.default)
    return [{"kind": kind} for kind in kinds]


def _word(optimizer: dict[str, str]) -> str:
    return optimizer.get("kind", "adamw")


def _backend(setting: Setting) -> str:
    return "flex" if setting.cuda else "split"
