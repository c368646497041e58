"""`triptych sample`: what a trained model makes of a prompt, as files that a person can read, see and hear."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..schemas.config.model import Task
    from ..schemas.config.sampling import SamplingConfig
    from ..train.generate.generator import GeneratedSample, Generator, Prompt

PIXELS, SECONDS = 100_000_000, 600.0  # the largest picture and the longest clip that is taken for a prompt
PAGE = "docs/reference/sampling.md"
TASKS = ["text", "t2i", "i2t", "t2s", "s2t"]
HERE = click.Path(file_okay=False, path_type=Path)


class _OfRun(click.Group):
    """The name of a run stands where others have a command's."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """`sweep`, or for any other name the command that samples the run in that folder."""
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        return click.Command(
            cmd_name, callback=partial(_sample, Path(cmd_name)), params=_options.params, help=_options.help
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What may come next."""
        with formatter.section("Next"):
            named = [(name, command.get_short_help_str(90)) for name, command in self.commands.items()]
            formatter.write_dl(
                [("RUN", "Sample the model of a run's folder. Options: triptych sample RUN --help"), *named]
            )


@click.group(cls=_OfRun, subcommand_metavar="RUN|sweep [OPTIONS]")
def sample() -> None:
    """Text, pictures and speech out of the model of a run."""


@click.command()
@click.option("--task", required=True, type=click.Choice(TASKS), help="What from what.")
@click.option("--prompt", default="", metavar="TEXT|FILE", help="Text; a file with a prompt a line; a picture; a clip.")
@click.option("--n", default=4, show_default=True, type=click.IntRange(1), help="Samples of each prompt.")
@click.option("--length", type=click.IntRange(1), help="Tokens to be said.  [default: as in the training data]")
@click.option("--steps", type=click.IntRange(1), help="Steps of the sampler.  [default: 64]")
@click.option("--guidance", type=float, help="How far to go beyond the condition's effect; 0: off.  [default: by task]")
@click.option("--temperature", type=click.FloatRange(0), help="Of the draw of a token.  [default: by task]")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any other setting of docs/reference/sampling.md."
)
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="Such as cuda.")
@click.option("--out", required=True, type=HERE, help="Write the samples and samples.json here.")
def _options() -> None:
    """Sample the model of RUN: text, a picture of a text (t2i), speech of it (t2s), or words for either (i2t, s2t).

    The prompt of `text` is how it begins; one with gaps, such as "def <gap:4> return x", is filled in there.
    """


def _sample(
    run: Path,
    task: str,
    prompt: str,
    n: int,
    length: int | None,
    overrides: tuple[str, ...],
    seed: int,
    device: str,
    out: Path,
    **settings: float | None,
) -> None:
    from ..schemas.config.model import Task
    from ..train.generate.generator import Generator

    generator = Generator.open(run, device)
    config = settings_of(generator.defaults(Task(task)), overrides, settings)
    prompts = prompts_of(generator, Task(task), prompt)
    begin = time.perf_counter()
    batch = generator.generate(Task(task), [each for each in prompts for _ in range(n)], config, seed, length=length)
    seconds = time.perf_counter() - begin
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, made in enumerate(batch.samples):
        name = write(out, f"sample-{number:03d}", made)
        lines.append({"file": name, "text": made.text, "tokens": made.tokens.tolist(), "said": made.generated.tolist()})
        said = " ".join((made.text or "").split())
        click.echo(f"{out / name}  {said[:100]}{'…' * (len(said) > 100)}")
    facts = {
        "run": str(run),
        "task": task,
        "prompt": prompt,
        "seed": seed,
        "settings": config.model_dump(mode="json"),
        "seconds": round(seconds, 3),
        "model_calls": batch.calls,
        "samples": lines,
    }
    (out / "samples.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")


@sample.command()
@click.argument("run", type=HERE)
@click.option("--task", default="text", show_default=True, type=click.Choice(TASKS), help="What from what.")
@click.option("--control", type=HERE, help="An autoregressive run over the same vocabulary, to judge.  [default: RUN]")
@click.option("--prompt", default="", metavar="TEXT|FILE", help="As of `triptych sample RUN`.")
@click.option("--n", default=4, show_default=True, type=click.IntRange(1), help="Samples of each prompt.")
@click.option("--length", type=click.IntRange(1), help="Tokens to be said.  [default: as in the training data]")
@click.option("--temperature", "temperatures", multiple=True, type=click.FloatRange(0), help="Give several to compare.")
@click.option("--guidance", "guidances", multiple=True, type=float, help="Give several to compare.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sweep(
    run: Path,
    task: str,
    control: Path | None,
    prompt: str,
    n: int,
    length: int | None,
    temperatures: tuple[float, ...],
    guidances: tuple[float, ...],
    as_json: bool,
) -> None:
    """Make the same samples by every rule: what each costs, how good it is.

    Good is what costs the judge few bits a token, and an entropy within a sample like that of real ones.
    """
    from rich.table import Table

    from ..schemas.config.model import Task
    from ..train.evaluate.samples.sampler_sweep import sweep_configs, sweep_samplers
    from ..train.generate.generator import Generator
    from .tables import console

    generator = Generator.open(run)
    judge = Generator.open(control) if control else generator
    judge.vocabulary.require(generator.vocabulary, str(control or run), str(run))
    prompts = [each for each in prompts_of(generator, Task(task), prompt) for _ in range(n)]
    table = Table(title=f"{task} by {run}, judged by {control or run}", title_justify="left")
    for name in ("settings", "calls", "seconds", "bits a token", "±", "entropy, bits"):
        table.add_column(name, justify="left" if name == "settings" else "right")
    lines = []
    for one in sweep_samplers(
        generator, judge, Task(task), prompts, sweep_configs(temperatures or (1.0,), guidances or (0.0,)), length
    ):
        given = one.settings.model_dump(mode="json", exclude_unset=True)
        lines.append(one._asdict() | {"settings": given})
        said = ", ".join(f"{key} {value}".removeprefix("rule ") for key, value in given.items())
        figures = f"{one.seconds:.2f}", f"{one.bits:.3f}", f"{one.error:.3f}", f"{one.entropy:.3f}"
        table.add_row(said, f"{one.calls:,}", *figures)
    if as_json:
        click.echo(json.dumps(lines))
    else:
        console().print(table)


def settings_of(defaults: SamplingConfig, overrides: tuple[str, ...], given: dict[str, Any]) -> SamplingConfig:
    """A task's defaults, with what the command line says instead; raises Refusal for what cannot be."""
    from ..schemas.config.load import apply_override, check
    from ..schemas.config.sampling import SamplingConfig

    tree = defaults.model_dump(mode="json", exclude_unset=True)
    tree |= {key: value for key, value in given.items() if value is not None}
    for override in overrides:
        apply_override(tree, override)
    return check(SamplingConfig, tree, "the sampler's settings", PAGE)


def prompts_of(generator: Generator, task: Task, prompt: str) -> list[Prompt]:
    """What the prompt of the command line stands for; raises Refusal for a file that cannot be what the task wants."""
    from ..schemas.errors import Refusal
    from ..schemas.vocabulary import Modality
    from ..tokenizers.audio.clip import BadClip, wave_of
    from ..tokenizers.image.picture import BadPicture, square

    path = Path(prompt)
    there = bool(prompt) and len(prompt) < 4096 and path.is_file()
    if task.given in (None, Modality.TEXT):
        if task.given is not None and not prompt:
            raise Refusal(f"task {task}: needs a `--prompt`. Give a text, or a file with one a line.")
        if not there:
            return [prompt]
        text = path.read_text(encoding="utf-8")
        return [text] if task.given is None else [line for line in text.splitlines() if line.strip()]
    if not there:
        kind = "picture" if task.given is Modality.IMAGE else "clip"
        raise Refusal(f"task {task}: `--prompt {prompt}` is no file. Give the path of a {kind}.")
    try:
        if task.given is Modality.IMAGE:
            return [square(path.read_bytes(), generator.bundle.image.pixels, PIXELS)]
        return [wave_of(path.read_bytes(), generator.bundle.audio.sample_rate, SECONDS)]
    except (BadPicture, BadClip) as error:
        raise Refusal(f"{path}: {error}. Give another file.") from None


def write(out: Path, stem: str, made: GeneratedSample) -> str:
    """Write what was made as txt, png or wav, and return the file's name."""
    import soundfile
    from PIL import Image

    from ..schemas.vocabulary import Modality

    predicted = made.task.predicted
    if predicted is Modality.IMAGE and made.pixels is not None:
        Image.fromarray(made.pixels).save(out / f"{stem}.png")
        return f"{stem}.png"
    if predicted is Modality.AUDIO and made.wave is not None:
        soundfile.write(out / f"{stem}.wav", made.wave, made.sample_rate)
        return f"{stem}.wav"
    (out / f"{stem}.txt").write_text(made.text or "", encoding="utf-8")
    return f"{stem}.txt"
