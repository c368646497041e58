"""What keeping keys and values of what lies outside a block saves, and how far off predictions then are.

    python -m benchmarks.block_cache RUN [--n 4] [--length 256] [--steps 64] [--json]

Texts from nothing are said by confidence, block after block, by the run's model on one thread of a CPU. Each question
goes to the whole model and to the one with a cache; the whole model's answer is the one that counts. Off is the
Kullback-Leibler divergence between the two at the places asked for, in nats, and how often their likeliest token is
another one.
"""

import click
import numpy as np
import torch

from triptych.model.network.inputs import Inputs
from triptych.model.sampling.block_cache import BlockCache
from triptych.model.sampling.query import PredictLogits
from triptych.model.sampling.sampler import sample
from triptych.schemas.config.model import Task
from triptych.schemas.config.sampling import SamplingConfig
from triptych.schemas.vocabulary import Modality
from triptych.train.generate.generator import Generator
from triptych.train.generate.samples import MASKED

from .measure import cpu_seconds, show, spread


class Both:
    """Asks twice, and compares."""

    def __init__(self, generator: Generator) -> None:
        self._ways: dict[str, PredictLogits] = {"whole": generator.logits, "cached": BlockCache(generator.model)}
        self.seconds = dict.fromkeys(self._ways, 0.0)
        self.nats: list[float] = []
        self.others: list[float] = []

    def __call__(self, inputs: Inputs) -> list[torch.Tensor]:
        """Logits of each group, by the whole model."""
        answers: dict[str, list[torch.Tensor]] = {}
        for name, way in self._ways.items():

            def answer(name: str = name, way: PredictLogits = way) -> None:
                answers[name] = way(inputs)

            self.seconds[name] += cpu_seconds(answer)
        for whole, cached in zip(answers["whole"], answers["cached"], strict=True):
            log_NC, other_NC = whole.log_softmax(-1), cached.log_softmax(-1)
            self.nats.append(float((log_NC.exp() * (log_NC - other_NC)).sum(-1).mean()))
            self.others.append(float((log_NC.argmax(-1) != other_NC.argmax(-1)).float().mean()))
        return answers["whole"]


@click.command()
@click.argument("run")
@click.option("--n", default=4, show_default=True, help="Texts at once.")
@click.option("--length", default=256, show_default=True, help="Tokens of each.")
@click.option("--steps", default=64, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(run: str, n: int, length: int, steps: int, as_json: bool) -> None:
    """Blocks of several lengths, one after another."""
    torch.set_num_threads(1)
    generator = Generator.open(run)
    canvas = generator.canvas(Task.TEXT, [{Modality.TEXT: np.full(length, MASKED)}] * n)
    figures = {}
    for block in (16, 32, 64):
        both = Both(generator)
        config = SamplingConfig(rule="confidence", steps=steps, block=block, cache=True)
        sample(both, canvas, generator.slices, config, 0)
        name = f"blocks of {block}"
        figures[f"{name}: off, nats a place"] = spread(both.nats)
        figures[f"{name}: another likeliest token, %"] = spread([100 * share for share in both.others])
        figures[f"{name}: CPU seconds, whole over cached"] = spread([both.seconds["whole"] / both.seconds["cached"]])
    show(f"A cache of what is outside a block, {run}", figures, {"texts": f"{n} of {length}", "steps": steps}, as_json)


if __name__ == "__main__":
    main()
