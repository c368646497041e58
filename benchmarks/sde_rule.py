"""Does the batch rule hold? Loss at equal tokens for a batch and for four times it, with the rule and without.

    python -m benchmarks.sde_rule [--seeds 3] [--steps 1200] [--times 4] [--kind adamw] [--json]

A small transformer learns a Markov source by masked diffusion, from the same number of tokens each time: at the base
batch, at TIMES the batch with settings scaled by train/sde.py, and at TIMES the batch with the base's. The loss is the
NELBO of held-out rows in bits per token, with masks that are the same for all; its floor is the source's entropy.
Figures are means over seeds; ± is their standard deviation. Seeds differ more than recipes do, so the last column
compares recipes within each seed; there ± is the standard error.
"""

import json
from collections.abc import Sequence
from typing import Literal

import click
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from triptych.model.diffusion.batch import Batch
from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.loss import loss
from triptych.model.diffusion.loss_sums import LossSums
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.slices import Slices, slice_table
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import MaskedObjective, ModelConfig
from triptych.schemas.config.training import OptimizerConfig
from triptych.schemas.vocabulary import Modality, Special, Vocabulary
from triptych.train.data.collate import Rows, collate
from triptych.train.optim.batch_scaling import scaled_settings
from triptych.train.optim.lr_schedule import lr_factor
from triptych.train.optim.optimizer import make_optimizer, set_lr

from .measure import machine

L, BASE_ROWS, STATES = 64, 8, 8
VOCABULARY = Vocabulary(text=STATES)
SLICES = Slices.of(VOCABULARY)
OBJECTIVE = MaskedObjective(weighting="bound")
MODEL = ModelConfig(depth=2, width=64, base_width=64, base_depth=2)
HELD_OUT, POINTS = 512, 4


class Source:
    """A first-order Markov chain with a few likely successors for each state."""

    def __init__(self) -> None:
        draw = np.random.default_rng(7)
        self.matrix = draw.dirichlet(np.full(STATES, 0.2), STATES)
        self._steps = self.matrix.cumsum(1)
        values, vectors = np.linalg.eig(self.matrix.T)
        self.stationary = np.abs(np.real(vectors[:, np.argmax(np.real(values))]))
        self.stationary /= self.stationary.sum()

    @property
    def entropy(self) -> float:
        """Bits a token, in the limit."""
        logs = np.log2(self.matrix, where=self.matrix > 0, out=np.zeros_like(self.matrix))
        return float(-(self.stationary[:, None] * self.matrix * logs).sum())

    def rows(self, first: int, count: int) -> Batch:
        """Rows number first …, each a text of its own; row r is the same whenever it is asked for."""
        states = np.empty((count, L - 2), np.int64)
        uniform = np.stack([np.random.default_rng([11, first + row]).random(L - 2) for row in range(count)])
        states[:, 0] = np.searchsorted(self.stationary.cumsum(), uniform[:, 0])
        for place in range(1, L - 2):
            states[:, place] = (self._steps[states[:, place - 1]] < uniform[:, place, None]).sum(1)
        start = VOCABULARY.slice_of(Modality.TEXT).start
        edges = np.ones((count, 1), np.int64)
        tokens = np.hstack([Special.TASK * edges, start + np.minimum(states, STATES - 1), Special.EOS * edges])
        modality = np.full(tokens.shape, Modality.TEXT, np.uint8)
        modality[:, 0] = Modality.SPECIAL
        zeros = np.zeros(count, np.int64)
        columns = dict.fromkeys(("start", "kind", "source", "text_bytes", "pixels", "samples"), zeros)
        columns["length"] = np.full(count, L)
        return collate(
            Rows(
                tokens=tokens.astype(np.uint16),
                segment=np.ones(tokens.shape, np.uint8),
                modality=modality,
                number=first + np.arange(count),
                epoch=zeros,
                row=np.arange(count),
                document=np.zeros((count, 2), np.uint64),
                split_key=np.zeros((count, 2), np.uint64),
                columns=columns,
            ),
            slice_table(VOCABULARY),
        )


def train(source: Source, config: OptimizerConfig, rows: int, steps: int, seed: int) -> list[float]:
    """Held-out loss at POINTS places along the run, bits per token."""
    model = Transformer(shape_of(MODEL), VOCABULARY)
    initialise(model, seed, 0.02)
    optimizer = make_optimizer(model, scaled_settings(config, rows * L, steps))
    held = source.rows(1 << 40, HELD_OUT)
    looks = {round(steps * point / POINTS) for point in range(1, POINTS + 1)}
    curve = []
    for step in range(steps):
        batch = source.rows((seed << 30) + step * rows, rows)
        noised = corrupt(batch, OBJECTIVE, SLICES, seed, RowPlacement(step, torch.arange(rows), rows))
        set_lr(optimizer, lr_factor(config, step, steps))
        (loss(model, noised, OBJECTIVE).loss / noised.targets).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        optimizer.zero_grad()
        if step + 1 in looks:
            curve.append(evaluate(model, held))
    return curve


@torch.no_grad()
def evaluate(model: Transformer, held: Batch) -> float:
    """NELBO, bits per token."""
    noised = corrupt(held, OBJECTIVE, SLICES, 0, RowPlacement(0, torch.arange(HELD_OUT), HELD_OUT))
    sums = LossSums.of(noised, loss(model, noised, OBJECTIVE).nats_SM)
    return sums.bits_per_token()[Modality.TEXT].mean


def summary(curves: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Mean and standard deviation over seeds at each point."""
    table = np.array(curves)
    spread = table.std(0, ddof=1) if len(curves) > 1 else np.zeros(table.shape[1])
    return list(zip(table.mean(0).tolist(), spread.tolist(), strict=True))


def less(curves: Sequence[Sequence[float]], base: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Mean and standard error over seeds of how the last losses differ."""
    apart = np.array([one[-1] - other[-1] for one, other in zip(curves, base, strict=True)])
    return float(apart.mean()), float(apart.std(ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else 0.0


@click.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--steps", default=1200, show_default=True, help="At the base batch.")
@click.option("--times", default=4, show_default=True)
@click.option("--lr", default=4e-3, show_default=True)
@click.option("--kind", type=click.Choice(["adamw", "muon"]), default="adamw", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(seeds: int, steps: int, times: int, lr: float, kind: Literal["adamw", "muon"], as_json: bool) -> None:
    """Three recipes, SEEDS times each."""
    torch.set_num_threads(1)
    source = Source()
    rule = OptimizerConfig(kind=kind, lr=lr, base_batch_tokens=BASE_ROWS * L, base_tokens=BASE_ROWS * L * steps)
    plain = OptimizerConfig(kind=kind, lr=lr)
    recipes = {
        "base batch": (plain, BASE_ROWS, steps),
        f"{times} × the batch, scaled": (rule, BASE_ROWS * times, steps // times),
        f"{times} × the batch, as at the base": (plain, BASE_ROWS * times, steps // times),
    }
    curves = {name: [train(source, *recipe, seed) for seed in range(seeds)] for name, recipe in recipes.items()}
    found = {name: summary(of_seeds) for name, of_seeds in curves.items()}
    apart = {name: less(of_seeds, curves["base batch"]) for name, of_seeds in curves.items() if name != "base batch"}
    facts = {"tokens": BASE_ROWS * L * steps, "seeds": seeds, "entropy of the source": round(source.entropy, 4)}
    if as_json:
        click.echo(json.dumps({"machine": machine(), **facts, "figures": found, "less the base": apart}))
        return
    points = [f"{(point + 1) / POINTS:.0%}" for point in range(POINTS)]
    table = Table("", *points, "less the base", title_justify="left")
    table.title = f"Held-out bits a token by share of the tokens\n{machine()}"
    for name, figures in found.items():
        cells = [*figures, *([apart[name]] if name in apart else [])]
        table.add_row(name, *(f"{mean:.3f} ± {spread:.3f}" for mean, spread in cells))
    Console(width=120).print(table)
    for name, fact in facts.items():
        click.echo(f"{name}: {fact}")


if __name__ == "__main__":
    main()
