"""What the demo's model has learned: two sets of twenty glyphs and words, and held-out bits beside the unigram entropy.

    python -m benchmarks.demo_sets demo/run [--seeds 3] [--json]

The first set is that of `triptych demo`, on which settings of the sampler were chosen; the second has as many capitals,
small letters, digits and signs, and the words between those of the first, and nothing was chosen on it. Judged as
`triptych demo` judges, for each seed of the sampler.
"""

import json
from pathlib import Path

import click
import torch
from rich.console import Console
from rich.table import Table

from triptych.cli.demo.judge import judged
from triptych.cli.demo.recognise import NAMED, SPOKEN
from triptych.cli.demo.speech import WORDS
from triptych.schemas.dataset.reader import Dataset
from triptych.train.curves import unigram_bits
from triptych.train.evaluate.report.metric import Metric
from triptych.train.generate.generator import Generator
from triptych.train.metrics_file import read_lines
from triptych.train.run_record import RunRecord

from .measure import machine

SETS = {"first": (NAMED, SPOKEN), "second": ("BHLNTUYZcehu3690%#+=", WORDS[1::2][:20])}


def recognised(generator: Generator, seeds: int) -> dict[str, list[int]]:
    """Number of recognized samples of each set and modality, by seed."""
    found: dict[str, list[int]] = {}
    for name, (glyphs, words) in SETS.items():
        for seed in range(seeds):
            for row in judged(generator, seed, glyphs=glyphs, words=words):
                if isinstance(row, Metric):
                    found.setdefault(f"{row.group}, {name} set", []).append(round(row.value * row.n / 100))
    return found


def bits(run: Path) -> dict[str, dict[str, float]]:
    """Held-out bits per token of the moving average of the weights, their error, and the unigram entropy."""
    lines = [line for line in read_lines(run) if line.get("split") == "validation" and line["weights"] == "ema"]
    paths = dict.fromkeys(each.path for each in RunRecord.read(run).trained_on)
    unigram = unigram_bits([Dataset(str(run.parent / path)).manifest for path in paths])
    last = lines[-1]
    return {
        name: {"bits": value, "error": last["nelbo_error"][name], "unigram": unigram[name]}
        for name, value in last["nelbo"].items()
    }


@click.command()
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--seeds", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(run: Path, seeds: int, as_json: bool) -> None:
    """Judge the demo's RUN on both sets."""
    torch.set_num_threads(1)
    held_out, found = bits(run), recognised(Generator.open(run), seeds)
    if as_json:
        click.echo(json.dumps({"machine": machine(), "seeds": seeds, "bits": held_out, "recognized": found}))
        return
    table = Table("", "recognized of 20, by seed", title=machine())
    for name, counts in found.items():
        table.add_row(name, ", ".join(map(str, counts)))
    Console(width=110).print(table)
    for name, figure in held_out.items():
        click.echo(f"{name}: {figure['bits']:.2f} ± {figure['error']:.2f} bits, unigram {figure['unigram']:.2f}")


if __name__ == "__main__":
    main()
