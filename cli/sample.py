"""`triptych sample`: generate samples from a trained model, as text, PNG and WAV files."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..schemas.command_line import example
from ..schemas.visible import print_line

if TYPE_CHECKING:
    from ..schemas.config.model import Task
    from ..schemas.config.sampling import SamplingConfig
    from ..train.generate.generator import Generator
    from ..train.generate.samples import GeneratedSample, Prompt

PIXELS, SECONDS = 100_000_000, 600.0  # size limits of an image or a clip that is a prompt
PAGE = "docs/reference/sampling.md"
TASKS = ["text", "t2i", "i2t", "t2s", "s2t"]
FOLDER = click.Path(file_okay=False, path_type=Path)


class _SampleCommand(click.Command):
    """`sample RUN`, or the command `sample sweep` if the first argument is `sweep`."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the arguments of whichever of the two commands is meant."""
        if args[:1] != ["sweep"]:
            return super().make_context(info_name, args, parent, **extra)
        from .sample_sweep import sweep

        return sweep.make_context(f"{info_name} sweep", args[1:], parent, **extra)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show both commands."""
        super().format_usage(ctx, formatter)
        formatter.write_usage(f"{ctx.command_path} sweep", "[OPTIONS] RUN", prefix=" " * len("Usage: "))


@click.command(cls=_SampleCommand, epilog=example('triptych sample runs/first --task t2i --prompt "a bus" --out made'))
@click.argument("run")
@click.option("--task", required=True, type=click.Choice(TASKS), help="Task, such as t2i (text to image).")
@click.option(
    "--prompt", default="", metavar="TEXT|FILE", help="A text, a text file (one prompt per line), an image or a clip."
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
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Random seed.")
@click.option("--device", metavar="DEVICE", default="cpu", show_default=True, help="PyTorch device, such as cuda.")
@click.option(
    "--out", metavar="DIR", required=True, type=FOLDER, help="Write the samples and samples.json to this folder."
)
def sample(
    run: str,
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
    """Generate samples from the model of RUN, the folder or URL of a training run.

    The tasks are text, text to image (t2i), image to text (i2t), text to speech
    (t2s) and speech to text (s2t). For `text`, the prompt is the beginning of the
    text; gaps such as "def <gap:4> return x" are filled.

    `triptych sample sweep` compares sampling settings.
    """
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
        excerpt = " ".join((made.text or "").split())
        print_line(f"{out / name}  {excerpt[:100]}{'…' * (len(excerpt) > 100)}")
    facts = {
        "run": generator.name,
        "task": task,
        "prompt": prompt,
        "seed": seed,
        "settings": config.model_dump(mode="json"),
        "seconds": round(seconds, 3),
        "model_calls": batch.calls,
        "samples": lines,
    }
    (out / "samples.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8", "backslashreplace")


def settings_of(defaults: SamplingConfig, overrides: tuple[str, ...], given: dict[str, Any]) -> SamplingConfig:
    """Sampling settings: the defaults of a task, overridden by the command line; raises Refusal if they are invalid."""
    from ..schemas.config.load import apply_override, check
    from ..schemas.config.sampling import SamplingConfig

    tree = defaults.model_dump(mode="json", exclude_unset=True)
    tree |= {key: value for key, value in given.items() if value is not None}
    for override in overrides:
        apply_override(tree, override)
    return check(SamplingConfig, tree, "sampling settings", PAGE)


def prompts_of(generator: Generator, task: Task, prompt: str) -> list[Prompt]:
    """Prompts for a task from a text or the path of a file; raises Refusal if the file does not fit the task."""
    from ..schemas.errors import Refusal
    from ..schemas.vocabulary import Modality
    from ..tokenizers.audio.decode_clip import BadClip, wave_of
    from ..tokenizers.image.decode_picture import BadPicture, square

    path = Path(prompt)
    is_file = bool(prompt) and len(prompt) < 4096 and path.is_file()
    if task.given in (None, Modality.TEXT):
        if task.given is not None and not prompt:
            raise Refusal(f"task {task}: needs `--prompt`. Give a text, or a file with one prompt per line.")
        if not is_file:
            return [prompt]
        text = path.read_text(encoding="utf-8")
        return [text] if task.given is None else [line for line in text.splitlines() if line.strip()]
    if not is_file:
        kind = "an image" if task.given is Modality.IMAGE else "an audio file"
        raise Refusal(f"task {task}: `--prompt {prompt}` is not a file. Give the path of {kind}.")
    try:
        if task.given is Modality.IMAGE:
            return [square(path.read_bytes(), generator.bundle.image.pixels, PIXELS)]
        return [wave_of(path.read_bytes(), generator.bundle.audio.sample_rate, SECONDS)]
    except (BadPicture, BadClip) as error:
        raise Refusal(f"{path}: {error}. Give another file.") from None


def write(out: Path, stem: str, made: GeneratedSample) -> str:
    """Write a sample as txt, png or wav, and return the name of the file."""
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
