"""`triptych sample`: generate samples from a trained model, as text, PNG and WAV files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..schemas.command_line import discard_output, example
from ..schemas.visible import print_line

if TYPE_CHECKING:
    from ..schemas.config.sampling import SamplingConfig
    from ..train.generate.samples import GeneratedSample

PAGE = "docs/reference/sampling.md"
TASKS = ["text", "t2i", "i2t", "t2s", "s2t"]
FOLDER = click.Path(file_okay=False, path_type=Path)
SEED = click.IntRange(-(1 << 63), (1 << 63) - 1)


class _SampleCommand(click.Command):
    """`sample RUN`, or one of the commands `sample sweep` and `sample audit` if the first argument is its name."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the arguments of whichever of the commands is meant."""
        if args[:1] == ["sweep"]:
            from .sample_sweep import sweep

            return sweep.make_context(f"{info_name} sweep", args[1:], parent, **extra)
        if args[:1] == ["audit"]:
            from .sample_audit import audit

            return audit.make_context(f"{info_name} audit", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show all three commands."""
        super().format_usage(ctx, formatter)
        formatter.write_usage(f"{ctx.command_path} sweep", "[OPTIONS] RUN", prefix=" " * len("Usage: "))
        formatter.write_usage(f"{ctx.command_path} audit", "[OPTIONS]", prefix=" " * len("Usage: "))


@click.command(cls=_SampleCommand, epilog=example('triptych sample runs/first --task t2i --prompt "a bus" --out made'))
@click.argument("run")
@click.option("--task", required=True, type=click.Choice(TASKS), help="Task, such as t2i (text to image).")
@click.option("--step", metavar="N", type=click.IntRange(0), help="Sample the checkpoint of this step.")
@click.option(
    "--prompt",
    default="",
    metavar="TEXT|PATH",
    help="A text, or a file with one per line; an image or a clip, a folder, or a list of files.",
)
@click.option("--n", metavar="N", default=4, show_default=True, type=click.IntRange(1), help="Samples per prompt.")
@click.option(
    "--length", metavar="N", type=click.IntRange(1), show_default="as in the training data", help="Length in tokens."
)
@click.option("--steps", metavar="N", type=click.IntRange(1), help="Number of sampling steps; 64 if not given.")
@click.option(
    "--guidance", metavar="G", type=float, show_default="by task", help="Classifier-free guidance scale; 0 disables it."
)
@click.option(
    "--temperature", metavar="T", type=click.FloatRange(0), show_default="by task", help="Sampling temperature."
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help=f"Any other setting listed in {PAGE}; repeatable.",
)
@click.option("--seed", metavar="N", type=SEED, default=0, show_default=True, help="Random seed.")
@click.option("--device", metavar="DEVICE", default="cpu", show_default=True, help="PyTorch device, such as cuda.")
@click.option(
    "--out", metavar="DIR", required=True, type=FOLDER, help="Write the samples and samples.json to this folder."
)
@click.option("--overwrite", is_flag=True, help="Replace samples that the folder of --out holds already.")
def sample(
    run: str,
    task: str,
    step: int | None,
    prompt: str,
    n: int,
    length: int | None,
    overrides: tuple[str, ...],
    seed: int,
    device: str,
    out: Path,
    overwrite: bool,
    **settings: float | None,
) -> None:
    r"""Generate samples from the model of RUN, the folder or URL of a training run.

    The tasks are text, text to image (t2i), image to text (i2t), text to speech
    (t2s) and speech to text (s2t). For `text`, the prompt is the beginning of the
    text; gaps such as "def <gap:4> return x" are filled (\<gap:4> is plain text).

    `triptych sample sweep` compares sampling settings on a run, and `triptych
    sample audit` the unmask rules on sources that are known.
    """
    from ..schemas.config.model import Task
    from ..train.generate.generator import Generator
    from ..train.generate.limits import length_warning
    from ..train.generate.sample_files import (
        SampleSet,
        made_folder,
        require_no_samples,
        sample_keys,
        write_set,
    )
    from .sample_prompts import prompts_of

    require_no_samples(out, overwrite)
    generator, of = Generator.open(run, device, step), Task(task)
    config = settings_of(generator.defaults(of), overrides, settings)
    prompts = prompts_of(generator, of, prompt)
    begin = time.perf_counter()
    every = [each for each in prompts for _ in range(n)]
    keys = sample_keys(len(prompts), n)
    codes = generator.segments(of, [each.content for each in every], seed, length=length, keys=keys)
    if (warning := length_warning(of, codes, generator.lengths)) is not None:
        print_line(f"warning: {warning}", err=True)
    with made_folder(out):
        batch = generator.fill(of, codes, config, seed, keys=keys)
    seconds = time.perf_counter() - begin
    named = [each.name for each in every]
    names = write_set(out, SampleSet(generator.name, step, of, prompt, seed, config, seconds, named, batch))
    show([out / name for name in names], batch.samples)


def show(files: Sequence[Path], samples: Sequence[GeneratedSample]) -> None:
    """Print the name and the beginning of each sample."""
    try:
        for file, made in zip(files, samples, strict=True):
            excerpt = " ".join((made.text or "").split())
            print_line(f"{file}  {excerpt[:100]}{'…' * (len(excerpt) > 100)}")
    except BrokenPipeError:  # the samples are written, whether or not anyone reads their names
        discard_output()


def settings_of(defaults: SamplingConfig, overrides: tuple[str, ...], given: dict[str, Any]) -> SamplingConfig:
    """Sampling settings: the defaults of a task, overridden by the command line; raises Refusal if they are invalid."""
    from ..schemas.config.load import apply_override, check
    from ..schemas.config.sampling import SamplingConfig

    tree = defaults.model_dump(mode="json", exclude_unset=True)
    tree |= {key: value for key, value in given.items() if value is not None}
    for override in overrides:
        apply_override(tree, override)
    return check(SamplingConfig, tree, "sampling settings", PAGE)
