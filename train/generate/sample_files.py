"""Files of generated samples: one for each sample, and samples.json, which lists them.

`triptych sample` writes them, and a training at its checkpoints (train/checkpoint_samples.py).
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ...schemas.config.model import Task
from ...schemas.config.sampling import SamplingConfig
from ...schemas.errors import Refusal
from ...schemas.vocabulary import Modality
from ..sample_sets import FILE, FOLDER, LIST
from .samples import GeneratedSample, Generation


def sample_files(run: Path) -> list[Path]:
    """The files of all sets of samples in the folder of a run, each set before its list."""
    found = [path for path in (run / FOLDER).rglob("*") if FILE.fullmatch(path.name) or path.name == LIST]
    return sorted(found, key=lambda path: (path.parent, path.name == LIST, path.name))


def require_no_samples(out: Path, overwrite: bool) -> None:
    """Raise Refusal if a folder holds the samples of an earlier call, which must not be mixed with new ones."""
    if not overwrite and (found := _samples_in(out)):
        raise Refusal(
            f"{out}: holds samples already, such as {found[0].name}. Give another `--out`, or `--overwrite` to replace "
            "them."
        )


@contextmanager
def made_folder(out: Path) -> Iterator[None]:
    """Make the folder of the samples before they take time to generate; one that is new goes again if that fails.

    Raises:
        Refusal: The folder cannot be made or written to.
    """
    new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"{out}: this folder cannot be made ({error.strerror}). Give another `--out`.") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise Refusal(f"{out}: this folder cannot be written to. Change its permissions, or give another `--out`.")
    try:
        yield
    except BaseException:
        if new:
            with suppress(OSError):  # something else is in it by now
                out.rmdir()
        raise


class SampleSet(NamedTuple):
    """The samples of one call, and what they were made from."""

    run: str
    step: int | None  # None: of the finished model
    task: Task
    prompt: str  # as the user gave it
    seed: int
    settings: SamplingConfig
    seconds: float
    prompts: Sequence[str]  # of each sample, as the user named it
    made: Generation


def write_set(out: Path, of: SampleSet) -> list[str]:
    """Write a file for each sample in place of those of an earlier call, and samples.json; returns the files' names.

    The list is written last, so a folder that has it is complete.
    """
    out.mkdir(parents=True, exist_ok=True)
    for file in _samples_in(out):
        file.unlink(missing_ok=True)
    names = [_write(out, f"sample-{number:03d}", sample) for number, sample in enumerate(of.made.samples)]
    facts = {
        "run": of.run,
        "step": of.step,
        "task": of.task,
        "prompt": of.prompt,
        "seed": of.seed,
        "settings": of.settings.model_dump(mode="json"),
        "seconds": round(of.seconds, 3),
        "model_calls": of.made.calls,
        "samples": [_line(*each) for each in zip(names, of.prompts, of.made.samples, strict=True)],
    }
    temporary = out / f".{LIST}.new"
    temporary.write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8", "backslashreplace")
    os.replace(temporary, out / LIST)
    return names


def _samples_in(out: Path) -> list[Path]:
    """The list first, so that a folder with some of its samples gone is not taken for a complete one."""
    if not out.is_dir():
        return []
    samples = [file for file in sorted(out.iterdir()) if FILE.fullmatch(file.name)]
    return [*([out / LIST] if (out / LIST).exists() else []), *samples]


def _write(out: Path, stem: str, made: GeneratedSample) -> str:
    """Write a sample as txt, png or wav, and return the name of the file."""
    import soundfile
    from PIL import Image

    predicted = made.task.predicted
    if predicted is Modality.IMAGE and made.pixels is not None:
        Image.fromarray(made.pixels).save(out / f"{stem}.png")
        return f"{stem}.png"
    if predicted is Modality.AUDIO and made.wave is not None:
        soundfile.write(out / f"{stem}.wav", made.wave, made.sample_rate)
        return f"{stem}.wav"
    (out / f"{stem}.txt").write_text(made.text or "", encoding="utf-8")
    return f"{stem}.txt"


def _line(name: str, prompt: str, made: GeneratedSample) -> dict[str, Any]:
    """What samples.json says of a sample."""
    tokens, said = made.tokens.tolist(), made.generated.tolist()
    return {"file": name, "prompt": prompt, "text": made.text, "tokens": tokens, "said": said}


def sample_keys(prompts: int, n: int) -> list[int]:
    """Random keys of `n` samples for each prompt: functions of the number of the prompt and that of the sample."""
    return [(prompt << 32) + number for prompt in range(prompts) for number in range(n)]
