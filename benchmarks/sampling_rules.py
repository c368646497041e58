"""Rules side by side on a trained run: calls of the model, seconds, and how good what they say is.

    python -m benchmarks.sampling_rules RUN [--control RUN] [--task text] [--prompts FILE] [--n 8] [--json]

Every rule makes the same samples: `--n` texts of `--length` tokens, or a sample for each line of `--prompts`. Good is
what costs the control few nats a token: an autoregressive run over the same vocabulary gives the exact figure; without
one, the run's own bound stands in, which favours what the run is sure of. Neither means anything without the unigram
entropy beside it, in nats within a sample: it falls where a rule repeats itself. Rules are at equal quality where both
figures are equal. Seconds are of one thread's CPU, all in all, for all samples together.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from triptych.model.canvas import Canvas
from triptych.schemas.layout import codes_of_span
from triptych.schemas.sampling import SamplingConfig
from triptych.schemas.training_model import Task
from triptych.train.evaluate.asking import Reader
from triptych.train.evaluate.errors import ratio_error
from triptych.train.evaluate.likelihood import bound
from triptych.train.evaluate.text import unigram_entropy
from triptych.train.lengths import HALVES
from triptych.train.studio import Made, Studio

from .measure import cpu_seconds, machine

STEPS = (8, 16, 32, 64, 128)
SETTINGS: list[dict[str, Any]] = [
    *({"rule": "confidence", "steps": steps} for steps in STEPS),
    *({"rule": "confidence", "steps": 64, "block": 32, "cache": cache} for cache in (False, True)),
    *({"rule": "first-hitting", "steps": steps} for steps in STEPS),
    *({"rule": "ancestral", "steps": steps} for steps in (16, 64)),
    *({"rule": "remdm-cap", "steps": steps} for steps in (64, 128)),
    *({"rule": "threshold", "threshold": least} for least in (0.5, 0.7, 0.9)),
    *({"rule": "entropy-bounded", "entropy_bound": bound} for bound in (0.1, 0.5, 1.0, 2.0)),
]
COLUMNS = ("calls", "seconds", "nats a token", "± standard error", "unigram entropy")


def canvas_of_made(studio: Studio, made: Sequence[Made]) -> Canvas:
    """Segments of which what was made is open, as the studio's model takes them."""
    codes = []
    for one in made:
        owner = studio.vocabulary.modality_of(one.tokens)
        there = [half for half in HALVES if half in owner]
        spans = {half: codes_of_span(one.tokens[owner == half], half, studio.vocabulary) for half in there}
        codes.append({half: span.reshape(-1) for half, span in spans.items()})
    canvas = studio.canvas(made[0].task, codes)
    return replace(canvas, open_T=torch.from_numpy(np.concatenate([one.said for one in made])))


def measured(studio: Studio, judge: Studio, task: Task, prompts: list[str], length: int, keys: dict[str, Any]) -> Any:
    """One row of the table."""
    batches: list[Any] = []
    config = SamplingConfig.model_validate(keys)
    size = length if task.predicted is None else None
    seconds = cpu_seconds(lambda: batches.append(studio.make(task, prompts, config, 0, length=size)))
    made, calls = batches[0]
    nats_S = bound(Reader.of(judge.exported), canvas_of_made(judge, made)).nats_S.numpy()
    tokens_S = np.array([one.said.sum() for one in made])
    entropy = float(np.mean([unigram_entropy(one.tokens[one.said]) for one in made]))
    row = (calls, seconds, float(nats_S.sum() / tokens_S.sum()), ratio_error(nats_S, tokens_S), entropy)
    return dict(zip(COLUMNS, row, strict=True))


@click.command()
@click.argument("run")
@click.option("--control", help="An autoregressive run over the same vocabulary.  [default: RUN itself]")
@click.option("--task", type=click.Choice([task.value for task in Task if task is not Task.JOINT]), default="text")
@click.option("--prompts", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A prompt a line.")
@click.option("--n", default=8, show_default=True, help="Samples of every rule.")
@click.option("--length", default=256, show_default=True, help="Tokens of a text.")
@click.option("--temperature", default=1.0, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    run: str,
    control: str | None,
    task: str,
    prompts: Path | None,
    n: int,
    length: int,
    temperature: float,
    as_json: bool,
) -> None:
    """A row for every rule and setting."""
    torch.set_num_threads(1)
    studio = Studio.open(run)
    judge = Studio.open(control) if control else studio
    judge.vocabulary.require(studio.vocabulary, control or run, run)
    lines = prompts.read_text(encoding="utf-8").splitlines()[:n] if prompts else [""] * n
    table = Table("", *COLUMNS, title=f"{task} by {run}, judged by {control or run}\n{machine()}", title_justify="left")
    rows = {}
    for keys in SETTINGS:
        name = " ".join([keys["rule"], *(f"{key} {value}" for key, value in keys.items() if key != "rule")])
        rows[name] = measured(studio, judge, Task(task), lines, length, keys | {"temperature": temperature})
        table.add_row(name, *("" if value is None else f"{value:.4g}" for value in rows[name].values()))
    if as_json:
        click.echo(json.dumps({"run": run, "control": control, "task": task, "machine": machine(), "rows": rows}))
    else:
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
