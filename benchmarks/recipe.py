"""What the default recipe learns a step, beside the one before it: AdamW, the weights of the bound, small embeddings.

    python -m benchmarks.recipe DATASET [--steps 750] [--seeds 2] [--width 64 --width 128] [--log FILE] [--json]
    python -m benchmarks.recipe --texts 'corpora/docs/*.jsonl.gz' …

DATASET is prepared; of the documentation corpus, of spoken digits, or the mix of the README. Each recipe is trained by
`triptych train` as a train file of its own says it; with `--texts` on characters, as benchmarks/tried.py does. The one
before is trained for STEPS steps, the defaults for STEPS / 3.5 and for as many. Figures are bits a token on held-out
documents, of the moving average of the weights, under the same masks for all: means over seeds, ± half of the range
over seeds; for audio also by codebook, and beside all of them the entropy of the codes. Times are CPU seconds. The
target is met if the defaults reach the bits of the one before in STEPS / 3.5 steps and in a third of its time.

Each run is added to the log, a file of JSON lines, when it is finished, and a run that is in the log is not trained
again; so the command can be stopped and goes on.
"""

import glob
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import torch
from rich.console import Console
from rich.table import Table

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal
from triptych.train.curves import unigram_bits
from triptych.train.metrics_file import read_lines
from triptych.train.run import train

from . import json_log, tried
from .character_models import corpus
from .measure import machine

SHORTER = 3.5  # target: fewer steps by this factor
FASTER = 3.0  # target: less time by this factor
BEFORE = {
    "optimizer": {"kind": "adamw"},
    "objective": {"kind": "masked", "weighting": "bound"},
    "model": {"embedding_std": 0.02, "head_bias": False},
}
RECIPES: dict[str, tuple[Mapping[str, Any], float]] = {
    "before": (BEFORE, 1),
    "defaults, fewer steps": ({}, SHORTER),
    "defaults": ({}, 1),
}
Trained = Callable[[str, int, int, int], dict[str, float]]  # figures of a recipe at a width, steps and seed


def steps_of(recipe: str, steps: int) -> int:
    """Steps of a recipe, where the one before has `steps`."""
    return max(round(steps / RECIPES[recipe][1]), 1)


def train_file(recipe: str, dataset: str, width: int, steps: int, seed: int, out: Path) -> TrainConfig:
    """The train file of a recipe; `steps` are those of the recipe before."""
    keys, steps = RECIPES[recipe][0], steps_of(recipe, steps)
    tree: dict[str, Any] = {
        "out": str(out / f"{recipe.replace(', ', '-').replace(' ', '-')}-{width}-{steps}-{seed}"),
        "seed": seed,
        "data": {"datasets": [{"path": dataset, "weight": 1.0}], "batch_tokens": 2048, "validation": 0.05},
        "model": {"depth": 4, "width": width} | dict(keys.get("model", {})),
        "steps": steps,
        "checkpoint": {"every": 10**6, "keep": 1},
        "validation": {"every": steps, "rows": 64},
    }
    tree |= {block: keys[block] for block in ("optimizer", "objective") if block in keys}
    return TrainConfig.model_validate(tree)


def on_dataset(dataset: str, out: Path) -> Trained:
    """Trains on a prepared dataset, and returns bits by modality and codebook, CPU seconds, share of clipped steps."""

    def figures(recipe: str, width: int, steps: int, seed: int) -> dict[str, float]:
        config = train_file(recipe, dataset, width, steps, seed, out)
        start = time.process_time()
        if not train(config):
            raise Refusal(f"{config.out} was stopped; run the same command again to go on", exit_code=1)
        spent, lines = time.process_time() - start, read_lines(Path(config.out))
        held = [line for line in lines if line.get("split") == "validation" and line["weights"] == "ema"][-1]
        logged = [line for line in lines if "split" not in line]
        found: dict[str, float] = held["nelbo"] | held.get("nelbo_by_codebook", {})
        return found | {"clipped": sum(line["clipped"] for line in logged) / len(logged), "cpu_s": spent}

    return figures


def on_characters(pattern: str, megabytes: float) -> Trained:
    """Trains on the characters of texts, and returns bits a character, CPU seconds and the share of clipped steps."""
    read = corpus(sorted(glob.glob(pattern)), megabytes)

    def figures(recipe: str, width: int, steps: int, seed: int) -> dict[str, float]:
        name = tried.BEFORE if recipe == "before" else tried.DEFAULTS
        line = tried.run(name, (read.train, read.test), steps_of(recipe, steps), width, seed)
        return {"text": line["bits"], "clipped": line["clipped"], "cpu_s": line["cpu_s"]}

    return figures


def runs(trained: Trained, data: str, steps: int, widths: Sequence[int], seeds: int, log: Path) -> Iterator[Any]:
    """Lines of the log, those that are missing after training them."""
    known = json_log.read(log)
    for seed in range(seeds):
        for width in widths:
            for recipe in RECIPES:
                facts = {"data": data, "recipe": recipe, "width": width, "of_steps": steps, "seed": seed}
                line = next((each for each in known if facts.items() <= each.items()), None)
                if line is None:
                    line = facts | {"figures": trained(recipe, width, steps, seed)}
                    json_log.append(log, [line])
                yield line


def summary(found: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Mean and half of the range over seeds of each figure."""
    columns = {name: [each[name] for each in found] for name in found[0]}
    return {name: (sum(column) / len(column), (max(column) - min(column)) / 2) for name, column in columns.items()}


def verdict(lines: Mapping[str, Mapping[str, tuple[float, float]]], names: Sequence[str]) -> str:
    """Whether the targets are met at a width."""
    before, fewer = lines["before"], lines["defaults, fewer steps"]
    worse = [name for name in names if fewer[name][0] > before[name][0]]
    bits = f"MISSED in {', '.join(worse)}" if worse else "met"
    ratio = before["cpu_s"][0] / fewer["cpu_s"][0]
    said = f"Bits of the one before in 1 / {SHORTER:g} of the steps: {bits}"
    fast = "met" if ratio >= FASTER and not worse else "MISSED"
    return f"{said}; in 1 / {FASTER:g} of the time: {fast} ({ratio:.2f} x less)"


@click.command()
@click.argument("dataset", required=False)
@click.option("--texts", "pattern", help="Instead of DATASET: files of JSON lines, gzipped, with a `text`.")
@click.option("--megabytes", default=20.0, show_default=True, help="Of these texts.")
@click.option("--steps", default=750, show_default=True)
@click.option("--seeds", default=2, show_default=True)
@click.option("--width", "widths", multiple=True, default=(128,), show_default=True, help="Of models of depth 4.")
@click.option("--out", type=click.Path(path_type=Path), default="recipe", show_default=True, help="Where runs go.")
@click.option("--log", type=click.Path(path_type=Path), default="recipe.jsonl", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    dataset: str | None,
    pattern: str | None,
    megabytes: float,
    steps: int,
    seeds: int,
    widths: tuple[int, ...],
    out: Path,
    log: Path,
    as_json: bool,
) -> None:
    """Train the recipes on DATASET or on characters, and compare them."""
    if (dataset is None) == (pattern is None):
        raise click.UsageError("give DATASET or --texts")
    torch.set_num_threads(1)
    trained = on_dataset(dataset, out) if dataset else on_characters(str(pattern), megabytes)
    data = f"{dataset}: {Dataset(dataset).manifest.fingerprint}" if dataset else "characters"
    found = list(runs(trained, data, steps, widths, seeds, log))
    unigram = unigram_bits([Dataset(dataset).manifest]) if dataset else {}
    tables = {
        width: {
            recipe: summary([each["figures"] for each in found if (each["width"], each["recipe"]) == (width, recipe)])
            for recipe in RECIPES
        }
        for width in widths
    }
    if as_json:
        facts = {"machine": machine(), "steps": steps, "shorter": SHORTER, "seeds": seeds, "unigram": unigram}
        lines = {f"{recipe}, width {width}": line for width, table in tables.items() for recipe, line in table.items()}
        click.echo(json.dumps(facts | {"figures": lines}))
        return
    for width, lines in tables.items():
        names = [name for name in lines["before"] if name not in {"cpu_s", "clipped"}]
        table = Table("", "steps", *names, "CPU, s", "clipped", title=f"width {width}, {seeds} seeds; {machine()}")
        for recipe, line in lines.items():
            bits = (f"{line[name][0]:.3f} ± {line[name][1]:.3f}" for name in names)
            spent = f"{line['cpu_s'][0]:.0f} ± {line['cpu_s'][1]:.0f}"
            table.add_row(recipe, str(steps_of(recipe, steps)), *bits, spent, f"{line['clipped'][0]:.0%}")
        if unigram:
            table.add_row("entropy of the codes", "", *(f"{unigram.get(name, 0):.3f}" for name in names))
        Console(width=130).print(table)
        click.echo(verdict(lines, names))


if __name__ == "__main__":
    main()
