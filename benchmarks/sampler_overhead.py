"""What a sampler adds to its model's forward passes, of the time that both take.

    python -m benchmarks.sampler_overhead [--preset 13m] [--batch 8] [--length 256] [--steps 64] [--repeats 3] [--json]

A model with random weights and 8,000 pieces of text says eight texts, on one thread of a CPU. Forward passes are the
layers and the head's logits of the places asked for; all else that `sample` does is the sampler's: choosing places,
drawing tokens, building what the model is asked. Fewer steps say more places in each, which costs more beside a pass.
"""

import time
from typing import get_args

import click
import torch

from triptych.model.network.init import initialise
from triptych.model.network.inputs import Inputs
from triptych.model.network.presets import shape_of
from triptych.model.network.slices import Slices
from triptych.model.network.transformer import Transformer
from triptych.model.sampling.canvas import canvas_of
from triptych.model.sampling.sampler import sample
from triptych.schemas.config.model import ModelConfig, Task
from triptych.schemas.config.sampling import Rule, SamplingConfig
from triptych.schemas.dataset.layout import sample_table
from triptych.schemas.vocabulary import Kind, Modality, Vocabulary

from .measure import show, spread

VOCABULARY = Vocabulary(text=8_000)
RULES: list[Rule] = ["first-hitting", "ancestral", "confidence", "entropy", "margin"]


class Timed:
    """The model as the sampler asks it, and the CPU seconds that it took."""

    def __init__(self, preset: str) -> None:
        self.model = Transformer(shape_of(ModelConfig.model_validate({"preset": preset})), VOCABULARY).eval()
        initialise(self.model, 0)
        self.model.head.weight.data *= 30  # some classes likelier than others
        self.seconds = 0.0

    def __call__(self, inputs: Inputs) -> list[torch.Tensor]:
        """Logits of each group."""
        start = time.process_time()
        parts = self.model.hidden_states(inputs).split([count for _, count in inputs.groups])
        logits = [self.model.head.logits(h, index) for (index, _), h in zip(inputs.groups, parts, strict=True)]
        self.seconds += time.process_time() - start
        return logits


@click.command()
@click.option("--preset", default="13m", show_default=True)
@click.option("--batch", default=8, show_default=True, help="Texts at once.")
@click.option("--length", default=256, show_default=True, help="Pieces of each.")
@click.option("--steps", default=64, show_default=True)
@click.option("--rule", "rules", multiple=True, type=click.Choice(get_args(Rule)), default=RULES, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    preset: str, batch: int, length: int, steps: int, rules: tuple[Rule, ...], repeats: int, as_json: bool
) -> None:
    """Every rule takes its turn."""
    torch.set_num_threads(1)
    ask, slices = Timed(preset), Slices.of(VOCABULARY)
    table = sample_table([Kind.TEXT] * batch, {Modality.TEXT: [[0] * length] * batch}, {"text": length})
    open_ = canvas_of(table, VOCABULARY, [Task.TEXT] * batch)
    shares: dict[str, list[float]] = {rule: [] for rule in rules}
    passes: dict[str, list[float]] = {rule: [] for rule in rules}
    for turn in range(repeats):
        for rule in rules:
            ask.seconds, start = 0.0, time.process_time()
            out = sample(ask, open_, slices, SamplingConfig(rule=rule, steps=steps), turn)
            whole = time.process_time() - start
            shares[rule].append(100 * (1 - ask.seconds / whole))
            passes[rule].append(1000 * ask.seconds / out.calls)
    figures = {f"{rule}: sampler, % of the time": spread(values) for rule, values in shares.items()}
    figures |= {f"{rule}: a forward pass, ms": spread(values) for rule, values in passes.items()}
    facts = {"texts": f"{batch} of {length}", "steps": steps, "model": preset, "threads": 1}
    show("Sampling beyond the model's forward passes", figures, facts, as_json)


if __name__ == "__main__":
    main()
