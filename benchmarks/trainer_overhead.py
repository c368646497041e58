"""What the trainer costs beyond a bare PyTorch loop, and how long a step waits for the loader.

    python -m benchmarks.trainer_overhead DATASET [--preset 5m] [--batch-tokens 8192] [--steps 20] [--json]

A run of the trainer goes on as ever: rows from the loader, noise, forward and backward, clipping, guard, AdamW, EMA, a
line of metrics every step (ten times as often as by default). After each of its steps a bare loop takes the same step:
the same model from the same first weights, the same batch with its noise ready, backward, clipping, AdamW, and nothing
else. Their losses must be the same within 1e-5. Figures are of CPU seconds of the process and all its threads, a
pair of steps at a time, so that a busy machine slows both; the first two pairs do not count. Waiting is wall time.
"""

import tempfile
import time
from collections.abc import Iterator
from typing import Any

import click
import torch

from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.loss import loss
from triptych.model.diffusion.noised_batch import NoisedBatch
from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.training import TrainConfig
from triptych.train.data.loader import Loader, MicroBatch
from triptych.train.data.plan import Plan, plan_of
from triptych.train.distributed.process_group import ProcessGroup
from triptych.train.optim.batch_scaling import scaled_settings
from triptych.train.optim.lr_schedule import lr_factor
from triptych.train.optim.optimizer import make_optimizer, set_lr
from triptych.train.step import StepResult
from triptych.train.trainer import Trainer

from .measure import cpu_seconds, show, spread

WARM = 2  # pairs of steps


class Bare:
    """The loop that a tutorial has."""

    def __init__(self, config: TrainConfig, plan: Plan) -> None:
        self.config = config
        self.model = Transformer(shape_of(config.model), plan.vocabulary)
        initialise(self.model, config.seed, config.model.embedding_std)
        tokens = plan.rows * plan.row_length
        self.optimizer = make_optimizer(self.model, scaled_settings(config.optimizer, tokens, config.steps))
        self.done = 0

    def step(self, noised: NoisedBatch) -> float:
        """One step; the loss a target."""
        mean = loss(self.model, noised, self.config.objective).loss / noised.targets
        mean.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optimizer.clip)
        set_lr(self.optimizer, lr_factor(self.config.optimizer, self.done, self.config.steps))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.done += 1
        return float(mean.detach())


class Waiting:
    """The trainer's loader, with a look at the clock before and after."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self.waits: list[float] = []

    def __iter__(self) -> Iterator[list[MicroBatch]]:
        return self

    def __next__(self) -> list[MicroBatch]:
        began = time.perf_counter()
        micros = next(self._loader)
        self.waits.append(time.perf_counter() - began)
        return micros

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class Watched(Trainer):
    """The trainer, followed step by step."""

    def __init__(self, config: TrainConfig, plan: Plan, process: ProcessGroup) -> None:
        super().__init__(config, plan, process)
        self.loader: Any = Waiting(self.loader)
        self.bare = Bare(config, plan)
        self.ours: list[float] = []  # CPU seconds of each step
        self.theirs: list[float] = []
        self.walls: list[float] = []
        self._began = time.process_time(), time.perf_counter()

    def _update(self, measured: StepResult, micros: list[MicroBatch]) -> str | None:
        wrong = super()._update(measured, micros)
        self.ours.append(time.process_time() - self._began[0])
        self.walls.append(time.perf_counter() - self._began[1])
        (micro,) = micros
        noised = corrupt(micro.batch, self.config.objective, self.slices, self.config.seed, micro.placement)
        began = time.process_time()
        found = self.bare.step(noised)
        self.theirs.append(time.process_time() - began)
        assert abs(found / measured.loss - 1) < 1e-5, "the two loops do not do the same"
        self._began = time.process_time(), time.perf_counter()
        return wrong


def loader_seconds(config: TrainConfig, plan: Plan, watched: Watched) -> float:
    """CPU seconds to build the rows of a step, with no training beside it."""
    loader = Loader(plan, watched.shards)
    used = cpu_seconds(lambda: [None for _ in loader])
    loader.close()
    return used / config.steps


@click.command()
@click.argument("dataset")
@click.option("--preset", default="5m", show_default=True)
@click.option("--batch-tokens", default=8192, show_default=True)
@click.option("--steps", default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(dataset: str, preset: str, batch_tokens: int, steps: int, as_json: bool) -> None:
    """Train on DATASET twice at once."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        tree = {
            "out": folder,
            "data": {"datasets": [{"path": dataset, "weight": 1.0}], "batch_tokens": batch_tokens},
            "model": {"preset": preset},
            "steps": steps,
            "log_every": 1,
            "validation": {"rows": 1},
        }
        config = TrainConfig.model_validate(tree)
        plan, process = plan_of(config), ProcessGroup.start()
        watched = Watched(config, plan, process)
        watched.run(None)
        building = loader_seconds(config, plan, watched)
        process.close()
    ours, theirs = watched.ours[WARM:], watched.theirs[WARM:]
    waits, walls = watched.loader.waits[WARM:], watched.walls[WARM:]
    figures = {
        "trainer, CPU seconds a step": ours,
        "bare loop, CPU seconds a step": theirs,
        "trainer's tokens a second over the bare loop's, %": [100 * b / a for a, b in zip(ours, theirs, strict=True)],
        "waiting for the loader, % of a step's wall time": [100 * w / s for w, s in zip(waits, walls, strict=True)],
        "building its rows, % of a step's CPU seconds": [100 * building / cost for cost in ours],
    }
    facts = {
        "preset": preset,
        "tokens of a batch": batch_tokens,
        "pairs": len(ours),
        "in all, %": round(100 * sum(theirs) / sum(ours), 2),
        "waiting in all, %": round(100 * sum(waits) / sum(walls), 3),
    }
    title = "The trainer beside a bare loop"
    show(title, {name: spread(values) for name, values in figures.items()}, facts, as_json)


if __name__ == "__main__":
    main()
