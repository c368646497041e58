"""Masked diffusion against its own autoregressive control on characters, by three estimators; as text8 is reported.

    python -m benchmarks.three_estimators --texts 'corpora/docs/*.jsonl.gz' [--minutes 20] [--out chars] [--json]

Two models of one size learn the same rows in as many steps (character_models.py); what lies in OUT is not trained
again. On the same held-out windows: the bound by evenly spread exact-k masks with complements, the bound by
independent Bernoulli masks with as many passes, the chain rule in a random order, and the control's exact likelihood.
Bits a character; errors are over windows, those of the gap over differences of the same windows.
"""

import glob
import json
import math
from dataclasses import fields, replace
from pathlib import Path

import click
import torch
from rich.console import Console
from rich.table import Table

from triptych.model.diffusion.loss import loss
from triptych.model.diffusion.noised_batch import assemble
from triptych.model.network.export import load_model
from triptych.model.network.transformer import Transformer
from triptych.model.sampling.canvas import Canvas
from triptych.schemas.vocabulary import Special
from triptych.train.evaluate.likelihood.bound import bound, chain_rule
from triptych.train.evaluate.likelihood.reader import ModelReader
from triptych.train.evaluate.likelihood.text_segments import text_canvas

from .character_models import LENGTH, VOCABULARY, both, corpus
from .measure import machine
from .objective_variance import ESTIMATORS, texts

PUBLISHED = "0.14 (MD4) … 0.24 bits"
ROWS = 32  # at once


def windows(text: torch.Tensor, count: int) -> torch.Tensor:
    """(count, LENGTH) symbols, from all over a text."""
    starts = torch.arange(count) * (len(text) - LENGTH) // count
    return text[starts[:, None] + torch.arange(LENGTH)]


def canvas_of_rows(symbols: torch.Tensor) -> Canvas:
    """Rows as the models learned them: without an end of text."""
    canvas = text_canvas(symbols.tolist(), VOCABULARY, range(len(symbols)))
    columns = {f.name: getattr(canvas, f.name) for f in fields(canvas) if f.name.endswith("_T")}
    kept_T = canvas.tokens_T != Special.EOS
    return replace(canvas, **{name: column[kept_T] for name, column in columns.items()})


@torch.no_grad()
def bernoulli(model: Transformer, symbols: torch.Tensor, passes: int) -> torch.Tensor:
    """Nats of each row by masks of independent levels; levels are not kept away from 0."""
    estimator = ESTIMATORS["Bernoulli, independent"]
    nats = []
    for low in range(0, len(symbols), ROWS):
        batch = texts(symbols[low : low + ROWS])
        batch = replace(batch, row_B=batch.row_B + low)
        steps = [low * passes + number for number in range(passes)]
        noised = [assemble(batch, model.slices, estimator.corruption(batch, step)) for step in steps]
        each = [loss(model, one, estimator.objective).nats_SM.sum(-1) for one in noised]
        nats.append(torch.stack(each).mean(0))
    return torch.cat(nats)


@click.command()
@click.option("--texts", "pattern", required=True, help="Files of JSON lines, gzipped, with a `text`.")
@click.option("--minutes", default=20.0, show_default=True, help="CPU time for each of the two models.")
@click.option("--out", type=click.Path(path_type=Path), default="chars", show_default=True, help="Where they go.")
@click.option("--megabytes", default=20.0, show_default=True, help="Of text.")
@click.option("--count", default=128, show_default=True, help="Windows of 128 characters.")
@click.option("--passes", default=16, show_default=True, help="Of either bound.")
@click.option("--json", "as_json", is_flag=True)
def main(pattern: str, minutes: float, out: Path, megabytes: float, count: int, passes: int, as_json: bool) -> None:
    """Train both and compare them."""
    made = corpus(sorted(glob.glob(pattern)), megabytes)
    both(made.train, minutes, out)
    masked, control = (load_model(out / kind) for kind in ("masked", "autoregressive"))
    symbols = windows(made.test, count)
    canvas = canvas_of_rows(symbols)
    exact = chain_rule(ModelReader.of(control), canvas).nats_S
    estimates = {
        "masked: exact-k, evenly spread, with complements": bound(ModelReader.of(masked), canvas, passes).nats_S,
        "masked: Bernoulli, independent levels": bernoulli(masked.model, symbols, passes),
        "masked: chain rule, random order": chain_rule(ModelReader.of(masked), canvas, seed=0).nats_S,
        "autoregressive control: exact": exact,
    }
    scale = LENGTH * math.log(2)
    lines = {}
    for name, nats in estimates.items():
        (mean, error), (gap, gap_error) = (_mean(values / scale) for values in (nats, nats - exact))
        lines[name] = {"bits": mean, "error": error, "gap": gap, "gap_error": gap_error}
    if as_json:
        click.echo(json.dumps({"machine": machine(), "windows": count, "passes": passes, "figures": lines}))
        return
    table = Table("", "bits a character", "gap to the control", title=f"{count} windows of {LENGTH}; {machine()}")
    for name, line in lines.items():
        table.add_row(name, f"{line['bits']:.3f} ± {line['error']:.3f}", f"{line['gap']:.3f} ± {line['gap_error']:.3f}")
    Console(width=110).print(table)
    click.echo(f"published gaps: {PUBLISHED}")


def _mean(values: torch.Tensor) -> tuple[float, float]:
    return float(values.mean()), float(values.std()) / math.sqrt(len(values))


if __name__ == "__main__":
    main()
