"""Hostile files: exit code, resident peak and time of `triptych prepare` on each, with 8 GB of address space.

    python -m benchmarks.bombs [NAME…] [--keep FOLDER] [--json]

Each file is made here, is small on disk, and is read by a process of its own. What is expected: lines of the ledger or
one refusal of a paragraph (exit codes 0, 1 and 2), within 30 s and 1 GB, no traceback, and no control character.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

from .bomb_files import BOMBS, Bomb
from .measure import machine

SECONDS, MEGABYTES, ADDRESS_SPACE = 30, 1000, 8 << 30
TIMEOUT = 300
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
PREPARE = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({ADDRESS_SPACE}, {ADDRESS_SPACE}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from triptych.cli.main import main
main()
"""


@dataclass(frozen=True)
class Outcome:
    """What became of a run."""

    name: str
    stored: int  # bytes of the files
    exit_code: int  # negative: ended by that signal
    seconds: float
    megabytes: float  # resident, at the peak
    traceback: bool
    control: bool  # printed a control character
    said: str  # the last line

    @property
    def fine(self) -> bool:
        """True if it is what every file should end in."""
        ended = self.exit_code in (0, 1, 2) and not (self.traceback or self.control)
        return ended and self.seconds <= SECONDS and self.megabytes <= MEGABYTES


def run_file(source: Mapping[str, Any], out: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run on one source that trains a text tokenizer of 300 pieces, unless `more` gives another."""
    return {
        "name": "bomb",
        "out": out,
        "engine": {"kind": "serial"},
        "row_length": 2048,
        "sources": [{"name": "hostile", "modality": "text", "text": "text", **source}],
        "tokenizers": {"text": {"kind": "sentencepiece", "vocab_size": 300}},
        **more,
    }


def measure(bomb: Bomb, folder: Path) -> Outcome:
    """Make the files of a bomb in a folder and run `prepare` on them."""
    source, more = bomb.make(folder)
    stored = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    (folder / "run.yaml").write_text(yaml.safe_dump(run_file(source, f"{folder}/out", more)))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    start = time.monotonic()
    with (folder / "output").open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", PREPARE, "prepare", str(folder / "run.yaml")],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        status, peak = _wait(child.pid, start + TIMEOUT)
    said = (folder / "output").read_text(errors="replace")
    lines = said.strip().splitlines() or [""]
    return Outcome(
        name=bomb.name,
        stored=stored,
        exit_code=os.waitstatus_to_exitcode(status),
        seconds=round(time.monotonic() - start, 1),
        megabytes=round(peak / 1e3, 1),
        traceback="Traceback (most recent" in said or "stack backtrace" in said,
        control=bool(CONTROL.search(said)),
        said=lines[-1][:300],
    )


def _wait(process: int, deadline: float) -> tuple[int, int]:
    """Wait for a process, or end it at the deadline; returns its status and its resident peak in kilobytes."""
    while True:
        done, status, usage = os.wait4(process, os.WNOHANG)
        if done:
            return status, usage.ru_maxrss
        if time.monotonic() > deadline:
            os.kill(process, 9)
            _, status, usage = os.wait4(process, 0)
            return status, usage.ru_maxrss
        time.sleep(0.05)


@contextmanager
def _folder(keep: str | None, name: str) -> Iterator[str]:
    """A new folder, which is deleted unless it is to be kept."""
    if keep is not None:
        Path(keep).mkdir(parents=True, exist_ok=True)
        yield tempfile.mkdtemp(dir=keep, prefix=f"{name}-")
        return
    with tempfile.TemporaryDirectory(prefix=f"triptych-{name}-") as folder:
        yield folder


def chosen(names: Sequence[str]) -> list[Bomb]:
    """Return the bombs of these names; all if none is given."""
    known = {bomb.name: bomb for bomb in BOMBS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.UsageError(f"{unknown[0]}: no such bomb. They are: {', '.join(known)}.")
    return [known[name] for name in names] or list(BOMBS)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--keep", type=click.Path(file_okay=False), help="Make the files here, and leave them.")
@click.option("--json", "as_json", is_flag=True)
def main(names: tuple[str, ...], keep: str | None, as_json: bool) -> None:
    """Run `triptych prepare` on hostile files, or on those named."""
    outcomes = []
    for bomb in chosen(names):
        with _folder(keep, bomb.name) as folder:
            outcomes.append(measure(bomb, Path(folder)))
        if not as_json:
            click.echo(f"{outcomes[-1].name}: {outcomes[-1].said}", err=True)
    if as_json:
        click.echo(
            json.dumps({"machine": machine(), "outcomes": [vars(each) | {"fine": each.fine} for each in outcomes]})
        )
    else:
        table = Table("file", "bytes", "exit", "s", "MB", "as it should", title=machine(), title_justify="left")
        for each in outcomes:
            figures = (f"{each.stored:,}", str(each.exit_code), f"{each.seconds:.1f}", f"{each.megabytes:.0f}")
            table.add_row(each.name, *figures, "yes" if each.fine else "NO")
        Console(width=100).print(table)
    sys.exit(not all(each.fine for each in outcomes))


if __name__ == "__main__":
    main()
