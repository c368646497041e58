"""Samples that a run generates while it trains, in `samples/step-NNNNNNNN/TASK` of its folder.

Each set is what `triptych sample RUN --step N` would write with the same seed: one file a sample, and samples.json.
The draws depend on the seed, the number of the prompt and that of the sample alone, so the sets of two steps differ by
what was learned in between. Nothing is drawn from the generators that training uses.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch

from ..model.network.export import Exported
from ..schemas.config.model import Task
from ..schemas.config.training import TrainConfig
from ..schemas.errors import Refusal
from ..tokenizers.bundle import Bundle
from .checkpoint.retention import folder_name
from .data.plan import Plan
from .distributed.parallel import Parallel
from .generate.generator import Generator
from .generate.lengths import Lengths
from .generate.open_model import MODEL
from .generate.sample_files import SampleSet, sample_keys, write_set
from .optim.ema import Ema
from .sample_sets import FOLDER


class CheckpointSamples:
    """The samples of a run, under `samples` of its train file."""

    def __init__(self, config: TrainConfig, folder: Path, parallel: Parallel) -> None:
        self._config, self._folder, self._parallel = config, folder, parallel
        self._generator: Generator | None = None  # its model is the one that is trained

    def due(self, step: int) -> bool:
        """Whether samples are to be generated after a step."""
        wanted = self._config.samples
        if wanted is None:
            return False
        return step % (wanted.every or self._config.checkpoint.every) == 0 or step == self._config.steps

    def require_possible(self, plan: Plan) -> None:
        """Raise Refusal if the run cannot generate for one of the tasks; on rank 0, before the first step."""
        if self._config.samples is None:
            return
        exported = Exported(self._parallel.model, plan.vocabulary, self._config.objective.kind)
        model = self._folder / MODEL
        self._generator = Generator(self._folder, exported, Bundle.of_model(model), Lengths.of_model(model))
        for task, prompts in self._config.samples.prompts.items():
            self._generator.segments(Task(task), prompts, self._config.seed)

    def write(self, step: int, ema: Ema | None, warn: Callable[[str], None]) -> None:
        """Generate and write the samples of a step, on rank 0; training goes on where that fails, with a warning."""
        problem = self._parallel.process.on_first(lambda: self._problem_of(step, ema))
        if problem is not None:
            warn(f"warning: no samples of step {step}: {problem} Training goes on.")

    def _problem_of(self, step: int, ema: Ema | None) -> str | None:
        model = self._parallel.model
        model.eval()
        try:
            with ema.swapped(model) if ema else nullcontext(), torch.no_grad(), self._parallel.precision():
                self._write(step)
        except (Refusal, OSError, RuntimeError) as error:  # no memory is left, for example
            return str(error).rstrip(".") + "."
        finally:
            model.train()
        return None

    def _write(self, step: int) -> None:
        wanted, generator, seed = self._config.samples, self._generator, self._config.seed
        assert wanted is not None
        assert generator is not None
        for name, prompts in wanted.prompts.items():
            task, begin = Task(name), time.perf_counter()
            every = [prompt for prompt in prompts for _ in range(wanted.n)]
            keys, settings = sample_keys(len(prompts), wanted.n), generator.defaults(task)
            codes = generator.segments(task, every, seed, keys=keys)
            batch = generator.fill(task, codes, settings, seed, keys=keys)
            out = self._folder / FOLDER / folder_name(step) / name
            seconds = time.perf_counter() - begin
            write_set(out, SampleSet(generator.name, step, task, "", seed, settings, seconds, every, batch))
