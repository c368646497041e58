"""What single changes of the default recipe do on characters, at equal steps: bits a character on held-out windows.

    python -m benchmarks.tried --texts 'corpora/docs/*.jsonl.gz' [--steps 400] [--seeds 2] [--width 64] [--log FILE]

Model and data are those of character_models.py, with the default keys of a train file. Each run is added to the log, a
file of JSON lines, when it is finished, and a run that is in the log is not trained again; so the command can be
stopped and goes on. Figures are of the moving average of the weights under the same masks for all, means over seeds, ±
half of the range over seeds; the table compares seed with seed.
"""

import glob
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import torch
from rich.console import Console
from rich.table import Table

from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.loss import loss
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import MaskedObjective, ModelConfig
from triptych.schemas.config.training import EmaConfig, OptimizerConfig
from triptych.train.distributed.parallel import set_value
from triptych.train.head_bias import log_frequencies
from triptych.train.optim.batch_scaling import scaled_settings
from triptych.train.optim.ema import Ema
from triptych.train.optim.lr_schedule import lr_factor
from triptych.train.optim.optimizer import make_optimizer, set_lr

from . import json_log
from .character_models import LENGTH, ROWS, VOCABULARY, corpus, window_batch
from .measure import machine
from .objective_variance import texts
from .recipe_variants import offset_biases, soft_cap, tied, value_residuals, zero_outputs
from .three_estimators import windows

DEPTH, WINDOWS, PASSES = 4, 256, 4


class Variant(NamedTuple):
    """A change: keys of a train file by block, and a change of the network."""

    keys: Mapping[str, Mapping[str, Any]]
    change: Callable[[Transformer], None] | None = None


DEFAULTS, BEFORE = "defaults", "before: AdamW, weights of the bound, embeddings of .02"
NO_BIAS = {"head_bias": False}
VARIANTS = {
    DEFAULTS: Variant({}),
    BEFORE: Variant(
        {
            "optimizer": {"kind": "adamw"},
            "objective": {"weighting": "bound"},
            "model": {"embedding_std": 0.02} | NO_BIAS,
        }
    ),
    "no bias in the head": Variant({"model": NO_BIAS}),
    "value residuals": Variant({}, value_residuals),
    "output projections begin at zero": Variant({}, zero_outputs),
    "logits capped at 30": Variant({}, soft_cap),
    "tied embeddings": Variant({}, tied),
    "biases on queries and keys": Variant({}, offset_biases),
    "schedule: wsd": Variant({"optimizer": {"schedule": "wsd"}}),
    "momentum: 0.9": Variant({"optimizer": {"momentum": 0.9}}),
    "matrix_lr: 0.04": Variant({"optimizer": {"matrix_lr": 0.04}}),
    "betas: [0.9, 0.95], per step": Variant({"optimizer": {"betas": (0.9, 0.95)}}),
}


def run(name: str, data: tuple[torch.Tensor, torch.Tensor], steps: int, width: int, seed: int) -> dict[str, Any]:
    """Train one variant, and return what its line of the log has."""
    variant, start = VARIANTS[name], time.process_time()
    config = ModelConfig.model_validate({"depth": DEPTH, "width": width} | dict(variant.keys.get("model", {})))
    optimizer_config = OptimizerConfig.model_validate(variant.keys.get("optimizer", {}))
    objective = MaskedObjective.model_validate(variant.keys.get("objective", {}))
    model = Transformer(shape_of(config), VOCABULARY)
    initialise(model, seed, config.embedding_std)
    if model.head.bias is not None:
        counts = torch.bincount(data[0], minlength=VOCABULARY.text)
        set_value(model.head.bias, log_frequencies(torch.nn.functional.pad(counts, (1, 0)), model.slices))
    if variant.change is not None:
        variant.change(model)
    optimizer = make_optimizer(model, scaled_settings(optimizer_config, ROWS * LENGTH, steps))
    ema, clipped = Ema(model, EmaConfig(), steps), 0
    for step in range(steps):
        batch = window_batch(data[0], step + seed * 1_000_000)
        noised = corrupt(batch, objective, model.slices, seed, RowPlacement(step, torch.arange(ROWS), ROWS))
        (loss(model, noised, objective).loss / noised.targets).backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), optimizer_config.clip)
        clipped += int(norm > optimizer_config.clip)
        set_lr(optimizer, lr_factor(optimizer_config, step, steps))
        optimizer.step()
        optimizer.zero_grad()
        ema.update(model, step)
    spent = time.process_time() - start
    with ema.swapped(model):
        bits = held_out_bits(model, data[1])
    facts = {"variant": name, "steps": steps, "width": width, "seed": seed}
    return facts | {"bits": bits, "clipped": clipped / steps, "cpu_s": spent}


@torch.no_grad()
def held_out_bits(model: Transformer, text: torch.Tensor) -> float:
    """The bound in bits a character, on windows of a text under masks that are the same for every model."""
    objective, nats = MaskedObjective(), 0.0
    rows = windows(text, WINDOWS)
    for pass_ in range(PASSES):
        for low in range(0, WINDOWS, 2 * ROWS):
            batch = texts(rows[low : low + 2 * ROWS])
            place = RowPlacement(pass_, low + torch.arange(len(batch.row_B)), WINDOWS)
            batch = replace(batch, row_B=batch.row_B + low + WINDOWS * pass_)
            noised = corrupt(batch, objective, model.slices, 0, place)
            nats += float(loss(model, noised, objective).nats_SM.sum())
    return nats / (PASSES * WINDOWS * LENGTH * math.log(2))


def table_of(found: Sequence[Mapping[str, Any]], title: str) -> Table:
    """The table of runs at equal steps and width."""
    table = Table("", "bits", "against the defaults", "clipped", "CPU, s", title=title)
    bits = {(line["variant"], line["seed"]): line["bits"] for line in found}
    for name in VARIANTS:
        lines = [line for line in found if line["variant"] == name]
        if not lines:
            continue
        gains = [bits[name, line["seed"]] - bits.get((DEFAULTS, line["seed"]), math.nan) for line in lines]
        columns = [[line[key] for line in lines] for key in ("clipped", "cpu_s")]
        clipped, cpu = (sum(column) / len(column) for column in columns)
        table.add_row(
            name, _spread([line["bits"] for line in lines]), _spread(gains, "+"), f"{clipped:.0%}", f"{cpu:.0f}"
        )
    return table


def _spread(values: Sequence[float], sign: str = "") -> str:
    return f"{sum(values) / len(values):{sign}.3f} ± {(max(values) - min(values)) / 2:.3f}"


@click.command()
@click.option("--texts", "pattern", required=True, help="Files of JSON lines, gzipped, with a `text`.")
@click.option("--megabytes", default=20.0, show_default=True, help="Of text.")
@click.option("--steps", default=400, show_default=True)
@click.option("--seeds", default=2, show_default=True)
@click.option("--width", default=64, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(VARIANTS)), help="These variants; default all.")
@click.option("--log", type=click.Path(path_type=Path), default="tried.jsonl", show_default=True)
def main(pattern: str, megabytes: float, steps: int, seeds: int, width: int, only: tuple[str, ...], log: Path) -> None:
    """Train what is not in the log yet, and print the table."""
    torch.set_num_threads(1)
    data = corpus(sorted(glob.glob(pattern)), megabytes)
    here = [line for line in json_log.read(log) if (line["steps"], line["width"]) == (steps, width)]
    for seed in range(seeds):
        for name in only or VARIANTS:
            if any((line["variant"], line["seed"]) == (name, seed) for line in here):
                continue
            here.append(run(name, (data.train, data.test), steps, width, seed))
            json_log.append(log, here[-1:])
            click.echo(json.dumps(here[-1]), err=True)
    Console(width=120).print(table_of(here, f"{steps} steps, width {width}; {machine()}"))


if __name__ == "__main__":
    main()
