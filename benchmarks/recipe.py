"""What the default recipe learns a step, beside the one before it: AdamW, the weights of the bound, small embeddings.

    python -m benchmarks.recipe DATASET [--steps 750] [--seeds 2] [--width 64 --width 128] [--out recipe] [--json]

DATASET is prepared; of the documentation corpus, of spoken digits, or the mix of the README. Each recipe is trained by
`triptych train` as a train file of its own says it: the one before for STEPS steps, the defaults for as many and for
STEPS / 3.5. Figures are bits a token on held-out documents, of the moving average of the weights, under the same masks
for all: means over seeds, ± half of the range over seeds; for audio also by codebook, and beside all of them the
entropy of the codes. Times are CPU seconds. A run that is finished in OUT is not trained again.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import torch
from rich.console import Console
from rich.table import Table

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.dataset.reader import Dataset
from triptych.train.curves import unigram_bits
from triptych.train.metrics_file import read_lines
from triptych.train.run import train

from .measure import machine

SHORTER = 3.5
BEFORE = {
    "optimizer": {"kind": "adamw"},
    "objective": {"kind": "masked", "weighting": "bound"},
    "model": {"embedding_std": 0.02},
}
RECIPES: dict[str, tuple[Mapping[str, Any], float]] = {
    "before": (BEFORE, 1),
    "defaults": ({}, 1),
    "defaults, fewer steps": ({}, SHORTER),
}


def train_file(recipe: str, dataset: str, width: int, steps: int, seed: int, out: Path) -> TrainConfig:
    """The train file of a recipe."""
    keys, shorter = RECIPES[recipe]
    steps = max(round(steps / shorter), 1)
    tree: dict[str, Any] = {
        "out": str(out / f"{recipe.replace(', ', '-').replace(' ', '-')}-{width}-{seed}"),
        "seed": seed,
        "data": {"datasets": [{"path": dataset, "weight": 1.0}], "batch_tokens": 2048, "validation": 0.05},
        "model": {"depth": 4, "width": width} | dict(keys.get("model", {})),
        "steps": steps,
        "checkpoint": {"every": 10**6, "keep": 1},
        "validation": {"every": steps, "rows": 64},
    }
    tree |= {block: keys[block] for block in ("optimizer", "objective") if block in keys}
    return TrainConfig.model_validate(tree)


def figures(config: TrainConfig) -> dict[str, float]:
    """Train a recipe, and return bits a token by modality and codebook, CPU seconds and the share of clipped steps."""
    out = Path(config.out)
    kept = out / "cpu.json"
    if not kept.exists():
        start = time.process_time()
        train(config)
        kept.write_text(json.dumps(time.process_time() - start))
    lines = read_lines(out)
    held = next(line for line in reversed(lines) if line.get("split") == "validation" and line["weights"] == "ema")
    logged = [line for line in lines if "split" not in line]
    clipped = sum(line["clipped"] for line in logged) / len(logged)
    found: dict[str, float] = held["nelbo"] | held.get("nelbo_by_codebook", {})
    return found | {"cpu_s": json.loads(kept.read_text()), "clipped": clipped}


def summary(found: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Mean and half of the range over seeds of each figure."""
    columns = {name: [each[name] for each in found] for name in found[0]}
    return {name: (sum(column) / len(column), (max(column) - min(column)) / 2) for name, column in columns.items()}


@click.command()
@click.argument("dataset")
@click.option("--steps", default=750, show_default=True)
@click.option("--seeds", default=2, show_default=True)
@click.option("--width", "widths", multiple=True, default=(128,), show_default=True, help="Of models of depth 4.")
@click.option("--out", type=click.Path(path_type=Path), default="recipe", show_default=True, help="Where runs go.")
@click.option("--json", "as_json", is_flag=True)
def main(dataset: str, steps: int, seeds: int, widths: tuple[int, ...], out: Path, as_json: bool) -> None:
    """Train the recipes on DATASET, and compare them."""
    torch.set_num_threads(1)
    lines = {
        f"{recipe}, width {width}": summary(
            [figures(train_file(recipe, dataset, width, steps, seed, out)) for seed in range(seeds)]
        )
        for width in widths
        for recipe in RECIPES
    }
    unigram = unigram_bits([Dataset(dataset).manifest])
    if as_json:
        facts = {"machine": machine(), "steps": steps, "shorter": SHORTER, "seeds": seeds, "unigram": unigram}
        click.echo(json.dumps(facts | {"figures": lines}))
        return
    names = [name for name in next(iter(lines.values())) if name not in {"cpu_s", "clipped"}]
    table = Table("", *names, "CPU, s", "clipped", title=f"{steps} steps, {seeds} seeds; {machine()}")
    for recipe, line in lines.items():
        bits = (f"{line[name][0]:.3f} ± {line[name][1]:.3f}" for name in names)
        table.add_row(recipe, *bits, f"{line['cpu_s'][0]:.0f}", f"{line['clipped'][0]:.0%}")
    table.add_row("entropy of the codes", *(f"{unigram[name]:.3f}" if name in unigram else "" for name in names))
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
