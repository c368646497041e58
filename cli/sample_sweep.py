"""`triptych sample sweep`: compare sampling settings by the cost and quality of the same samples."""

from __future__ import annotations

import json

import click

from ..schemas.command_line import example
from ..schemas.visible import print_line
from .sample import TASKS


@click.command(epilog=example("triptych sample sweep runs/first --control runs/control"))
@click.argument("run")
@click.option(
    "--task", default="text", show_default=True, type=click.Choice(TASKS), help="Task, such as t2i (text to image)."
)
@click.option(
    "--control",
    metavar="RUN",
    show_default="RUN itself",
    help="Autoregressive run with the same vocabulary that judges the samples.",
)
@click.option("--prompt", default="", metavar="TEXT|PATH", help="Prompt, as for `triptych sample`.")
@click.option("--n", metavar="N", default=4, show_default=True, type=click.IntRange(1), help="Samples per prompt.")
@click.option(
    "--length", metavar="N", type=click.IntRange(1), show_default="as in the training data", help="Length in tokens."
)
@click.option(
    "--temperature",
    "temperatures",
    metavar="T",
    multiple=True,
    type=click.FloatRange(0),
    show_default="1",
    help="Sampling temperature; repeatable to compare several.",
)
@click.option(
    "--guidance",
    "guidances",
    metavar="G",
    multiple=True,
    type=float,
    show_default="0",
    help="Guidance scale; repeatable to compare several.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def sweep(
    run: str,
    task: str,
    control: str | None,
    prompt: str,
    n: int,
    length: int | None,
    temperatures: tuple[float, ...],
    guidances: tuple[float, ...],
    as_json: bool,
) -> None:
    """Generate the same samples with every unmask rule, and compare the settings.

    Prints cost and quality of each setting. Good settings have few bits per token
    under the judging run, with an entropy per sample close to that of real data.
    """
    from rich.table import Table

    from ..schemas.config.model import Task
    from ..schemas.console import console
    from ..train.evaluate.samples.sampler_sweep import sweep_configs, sweep_samplers
    from ..train.generate.generator import Generator
    from ..train.generate.limits import length_warning
    from ..train.metrics import finite
    from .sample_prompts import prompts_of

    generator, of = Generator.open(run), Task(task)
    judge = Generator.open(control) if control else generator
    judge.vocabulary.require(generator.vocabulary, judge.name, generator.name)
    prompts = [each.content for each in prompts_of(generator, of, prompt) for _ in range(n)]
    codes = generator.segments(of, prompts, length=length)
    if (warning := length_warning(of, codes, generator.lengths)) is not None:
        print_line(f"warning: {warning}", err=True)
    table = Table(title=f"{task} from {generator.name}, judged by {judge.name}", title_justify="left")
    for name in ("settings", "calls", "seconds", "bits per token", "±", "entropy, bits"):
        table.add_column(name, justify="left" if name == "settings" else "right")
    lines = []
    for one in sweep_samplers(generator, judge, of, codes, sweep_configs(temperatures or (1.0,), guidances or (0.0,))):
        given = one.settings.model_dump(mode="json", exclude_unset=True)
        lines.append(finite(one._asdict() | {"settings": given}))
        label = ", ".join(f"{key} {value}".removeprefix("rule ") for key, value in given.items())
        error = "" if one.error is None else f"{one.error:.3f}"
        figures = f"{one.seconds:.2f}", f"{one.bits:.3f}", error, f"{one.entropy:.3f}"
        table.add_row(label, f"{one.calls:,}", *figures)
    if as_json:
        click.echo(json.dumps(lines, allow_nan=False))
    else:
        console().print(table)
