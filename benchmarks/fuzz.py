"""Opens damaged artefacts: each must be refused, or hold what it held before.

    python -m benchmarks.fuzz [--inputs 10000] [--seed 0] [--family NAME …] [--log FILE] [--json]
    python -m benchmarks.fuzz --family export --seed 0 --number 1234

A dataset, a training with its checkpoint and export, and tokenizers are made once. An input is a change of one file of
them, by its number and the seed: bytes changed, cut, joined, repeated, exchanged; of the files of a family, each has
its share. The family's own reader opens it, in a forked process:

shard, list, manifest   what `triptych show` and `train` read of a dataset
verify                  `triptych verify`, which must find a change of any file
checkpoint, run-record  what `triptych train` resumes from
export, bundle          what `triptych sample` loads
run-file, train-file    YAML; what is accepted must be what PyYAML and the model alone make of it
tokenizer               tokenizers by path; one that is accepted and differs must have another fingerprint

An exception that the command line would print as a traceback, a crash, a hang, or other content without a word is a
failure. Exit code 1 if there is one; `--number` repeats it in this process.
"""

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from .fuzzing.artefacts import make
from .fuzzing.mutations import BINARY, TEXT, mutate
from .fuzzing.openings import FAMILIES, Family, is_allowed
from .fuzzing.workers import Outcome, run_all, run_one, summary
from .measure import machine

SHOWN = 20  # failures of a family that are printed
READABLE = (".json", ".yaml", ".tiktoken")


class Fuzzing:
    """The inputs of one family."""

    def __init__(self, name: str, made: Path, scratch: Path, seed: int) -> None:
        self._name, self._family, self._seed = name, FAMILIES[name], seed
        self._made, self._scratch = made, scratch
        self._copy: Path | None = None
        self._originals: dict[Path, Any] = {}

    def __call__(self, number: int) -> tuple[str, str | None]:
        """Change a file, open what it belongs to, and restore it."""
        from triptych.schemas.errors import Refusal

        root, family = self._folder(), self._family
        draw = random.Random(f"{self._seed} {self._name} {number}")
        path = draw.choice(family.files(root))
        before = path.read_bytes()
        original = self._original(root, family, path)
        after = mutate(draw, before, TEXT if path.suffix in READABLE else BINARY)
        if after == before:
            return "same bytes", None
        path.write_bytes(after)
        try:
            held = family.open(root, path)
        except Refusal as refusal:
            return "refusal", _wrong(str(refusal))
        except (click.ClickException, OSError) as error:
            return f"message ({type(error).__name__})", None
        finally:
            path.write_bytes(before)
        if is_allowed(self._name, held, original):
            return ("same content" if held == original else "other content, by name"), None
        return "silent difference", f"{path.relative_to(root)}"

    def _folder(self) -> Path:
        mine = self._scratch / f"{os.getpid()}"
        if self._copy != mine:
            shutil.copytree(self._made, mine)
            self._copy = mine
            self._originals.clear()
            os.chdir(mine)
        return mine

    def _original(self, root: Path, family: Family, path: Path) -> Any:
        if path not in self._originals:
            self._originals[path] = family.open(root, path)
        return self._originals[path]


def _wrong(message: str) -> str | None:
    if any(ord(character) < 32 for character in message):
        return f"the message has control characters: {message!r}"
    return None if len(message) < 3000 else f"a message of {len(message)} characters"


def run_family(name: str, made: Path, seed: int, numbers: range, processes: int) -> dict[str, Any]:
    """Open the inputs of these numbers; returns the sums and the failures."""
    began = time.perf_counter()
    failures: list[Outcome] = []
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        for outcome in run_all(Fuzzing(name, made, Path(scratch), seed), numbers, processes):
            ends[outcome.end] += 1
            if outcome.problem:
                failures.append(outcome)
                if len(failures) <= SHOWN:
                    click.echo(f"{name} {outcome.number}: {outcome.end}: {outcome.problem}", err=True)
    return {
        "family": name,
        "inputs": len(numbers),
        "seconds": round(time.perf_counter() - began, 1),
        "ends": dict(sorted(ends.items())),
        "failures": [[each.number, each.end, each.problem] for each in sorted(failures, key=lambda each: each.number)],
    }


@click.command()
@click.option("--inputs", type=click.IntRange(1), default=10_000, show_default=True, help="Inputs of each family.")
@click.option("--first", type=click.IntRange(0), default=0, show_default=True, help="Number of the first input.")
@click.option("--number", type=click.IntRange(0), help="Open this input alone, in this process.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--family", "families", type=click.Choice(list(FAMILIES)), multiple=True, help="Default: all.")
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True)
@click.option("--made", type=click.Path(file_okay=False, path_type=Path), help="Keep the artefacts here, or use them.")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Also write everything here, as JSON.")
@click.option("--json", "as_json", is_flag=True)
def main(
    inputs: int,
    first: int,
    number: int | None,
    seed: int,
    families: tuple[str, ...],
    processes: int,
    made: Path | None,
    log: Path | None,
    as_json: bool,
) -> None:
    """Open damaged artefacts."""
    numbers = range(first, first + inputs)
    with tempfile.TemporaryDirectory() as name:
        folder = (made or Path(name) / "made").absolute()
        if not folder.exists():
            folder.mkdir(parents=True)
            make(folder)
        if number is not None:
            for each in families:
                click.echo(f"{each} {number}: {run_one(Fuzzing(each, folder, Path(name), seed), number)}")
            return
        found: list[dict[str, Any]] = []
        report = {"machine": machine(), "seed": seed, "first": first, "families": found}
        for each in families or FAMILIES:
            found.append(run_family(each, folder, seed, numbers, processes))
            if log:  # after each family, since all together take long
                log.write_text(json.dumps(report, indent=1), encoding="utf-8")
            if not as_json:
                click.echo(summary("family", found[-1]))
    if as_json:
        click.echo(json.dumps(report))
    if any(line["failures"] for line in found):
        sys.exit(1)


if __name__ == "__main__":
    main()
