"""Prompts of `triptych sample`: a text, an image or a clip, a file of texts, a folder, or a list of files."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..pipelines.sources.text_blocks import BOM, MARKS
from ..schemas.config.model import Task
from ..schemas.errors import Refusal
from ..schemas.visible import print_line
from ..schemas.vocabulary import Modality
from ..train.generate.generator import Generator
from ..train.generate.samples import Prompt

PIXELS, SECONDS = 100_000_000, 600.0  # size limits of an image or a clip that is a prompt
KINDS = {Modality.IMAGE: "image", Modality.AUDIO: "audio file"}
SUFFIXES = {  # of the files in a folder; a file that is named itself may have any
    Modality.IMAGE: (
        *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
        *(".ppm", ".avif", ".heic", ".heif", ".jxl", ".svg"),
    ),
    Modality.AUDIO: (
        *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
        *(".m4a", ".aac", ".amr", ".webm", ".aif", ".aiff", ".caf", ".mp4"),
    ),
}


_FILE_NAME = re.compile(r"\S+\.(txt|text|lst|list|md|csv|tsv|json|jsonl)", re.IGNORECASE)


class NamedPrompt(NamedTuple):
    """A prompt, and how the user named it: the text itself, or the path of a file."""

    name: str
    content: Prompt


def prompts_of(generator: Generator, task: Task, prompt: str) -> list[NamedPrompt]:
    """Prompts for a task.

    Args:
        generator: Run that is sampled.
        task: Task of the samples.
        prompt: A text or the path of a file with a text on each line; for `i2t` and `s2t` the path of an image or a
            clip, of a folder of these, or of a file with such a path on each line.

    Raises:
        Refusal: A file cannot be used, or a prompt is missing.
    """
    if task.given is not None and not prompt.strip():
        what = (
            f"Give the path of an {KINDS[task.given]}, of a folder of these, or of a list with a path on each line."
            if task.given in KINDS
            else "Give a text, or a file with one prompt per line."
        )
        raise Refusal(f"task {task}: needs `--prompt`. {what}")
    if task.given in KINDS:
        return [_media(generator, task.given, path) for path in _media_paths(task, task.given, prompt)]
    if _mode(prompt) is None or stat.S_ISDIR(_mode(prompt) or 0):
        try:
            prompt.encode()
        except UnicodeEncodeError:
            raise Refusal("`--prompt`: the text is not valid UTF-8. Give it in a UTF-8 file.") from None
        if _FILE_NAME.fullmatch(prompt):
            print_line(f"warning: there is no file {prompt}, so the prompt is this text itself.", err=True)
        return [NamedPrompt(prompt, prompt)]
    return [NamedPrompt(line, line) for _, line in lines_of(_bytes_of(Path(prompt)), Path(prompt))]


def lines_of(data: bytes, path: Path) -> list[tuple[int, str]]:
    r"""Lines of a prompt file that are not blank, with their numbers from 1.

    A newline ends a line, with or without a carriage return before it; no other character does. The encoding is UTF-8,
    or UTF-16 or UTF-32 with a byte order mark.

    Raises:
        Refusal: The file is no text in such an encoding, ends its lines in another way, or holds only blank lines.
    """
    text = _decoded(data, path)
    if "\n" not in text and "\r" in text.rstrip("\r"):
        raise Refusal(f"{path}: its lines end in carriage returns alone. Save it with line ends of Unix or Windows.")
    numbered = enumerate((line.removesuffix("\r") for line in text.split("\n")), 1)
    lines = [(number, line) for number, line in numbered if line.strip()]
    if not lines:
        raise Refusal(f"{path}: holds no prompt. Write one on each line.")
    return lines


def _decoded(data: bytes, path: Path) -> str:
    marks = [*MARKS, (BOM, "utf-8"), (b"", "utf-8")]
    mark, encoding = next((mark, encoding) for mark, encoding in marks if data.startswith(mark))
    try:
        text = data.removeprefix(mark).decode(encoding)
    except UnicodeDecodeError as error:
        begun = error.object[: error.start].decode(encoding, "replace").count("\n") + 1
        raise Refusal(f"{path}, line {begun}: is not {encoding.upper()} text. Save the file as UTF-8.") from None
    if "\0" in text:
        number = text[: text.index("\0")].count("\n") + 1
        raise Refusal(f"{path}, line {number}: has a NUL character, so it is no UTF-8 text. Save the file as UTF-8.")
    return text


def _mode(path: str) -> int | None:
    """What kind of file there is at a path; None if there is none, or the text can be no path."""
    try:
        return os.stat(path).st_mode if path else None
    except (OSError, ValueError):
        return None


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror}). Give another file.") from None


def _media_paths(task: Task, modality: Modality, prompt: str) -> Iterator[Path]:
    """Files of a folder in the order of their paths, those of a list, or the file itself.

    A text file can only be a list; its paths are relative to its folder, or else to the working directory.
    """
    path, mode = Path(prompt), _mode(prompt)
    if mode is None:
        raise Refusal(
            f"task {task}: `--prompt {prompt}` is not a file. Give the path of an {KINDS[modality]}, of a folder of "
            "these, or of a list with a path on each line."
        )
    if stat.S_ISDIR(mode):
        found = [each for each in path.rglob("*") if _fits(each.relative_to(path), modality) and each.is_file()]
        if not found:
            raise Refusal(f"{path}: holds no {KINDS[modality]}. Give another folder.")
        yield from sorted(found)
    elif path.suffix.lower() in SUFFIXES[modality] or not _is_text(data := _bytes_of(path), path):
        yield path
    else:
        for number, line in lines_of(data, path):
            places = [path.parent / line, Path(line)]
            there = next((place for place in places if stat.S_ISREG(_mode(str(place)) or 0)), None)
            if there is None:
                raise Refusal(f"{path}, line {number}: `{line}` is not a file. Give a path on each line.")
            yield there


def _fits(path: Path, modality: Modality) -> bool:
    return path.suffix.lower() in SUFFIXES[modality] and not any(part.startswith(".") for part in path.parts)


def _is_text(data: bytes, path: Path) -> bool:
    try:
        _decoded(data, path)
    except Refusal:
        return False
    return True


def _media(generator: Generator, modality: Modality, path: Path) -> NamedPrompt:
    from ..tokenizers.audio.decode_clip import BadClip, wave_of
    from ..tokenizers.image.decode_picture import BadPicture, square

    data = _bytes_of(path)
    try:
        if modality is Modality.IMAGE:
            return NamedPrompt(str(path), square(data, generator.bundle.image.pixels, PIXELS))
        return NamedPrompt(str(path), wave_of(data, generator.bundle.audio.sample_rate, SECONDS))
    except (BadPicture, BadClip) as error:
        why = error.detail.rstrip(". ")
        raise Refusal(f"{path}: cannot be used as an {KINDS[modality]} ({why}). Give another file.") from None
