"""`triptych prepare` in processes that are killed: each in a group of its own, forked from one that has the imports."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import click

PAUSE = 0.01  # seconds between two looks at the folder
HANGING = 900  # seconds after which a run is said to hang

Engine = tuple[str, ...]


class Killing:
    """Runs of one run file, each into a folder of its own."""

    def __init__(self, run_file: Path, overrides: Sequence[str], scratch: Path) -> None:
        self._run_file, self._overrides, self._scratch = run_file, tuple(overrides), scratch

    def start(self, out: Path, engine: Engine) -> BaseProcess:
        """`triptych prepare` in a process group of its own."""
        arguments = ["prepare", str(self._run_file), "--json", "--engine", engine[0]]
        arguments += ["--workers", engine[1]] if len(engine) > 1 else []
        for override in (*self._overrides, f"out={out}"):
            arguments += ["--set", override]
        context = multiprocessing.get_context("fork")
        process = context.Process(target=_prepare, args=(arguments, str(self._scratch / "said")))
        process.start()
        assert process.pid is not None
        with suppress(PermissionError, ProcessLookupError):  # it may have done so itself
            os.setpgid(process.pid, process.pid)
        return process

    def finish(self, out: Path, engine: Engine) -> None:
        """A run that nobody kills."""
        process = self.start(out, engine)
        process.join(HANGING)
        if process.exitcode != 0:
            _kill(process)
            said = (self._scratch / "said").read_text(errors="replace")
            raise click.ClickException(f"{' '.join(engine)} into {out}: exit code {process.exitcode}. {said[-2000:]}")

    def kill_at(self, out: Path, engine: Engine, files: int, later: float) -> bool:
        """Run, and SIGKILL to the whole group once so many files are there; False when the run ended before."""
        process, deadline = self.start(out, engine), time.monotonic() + HANGING
        while process.is_alive() and len(committed(out)) < files and time.monotonic() < deadline:
            time.sleep(PAUSE)
        time.sleep(later)
        alive = process.is_alive()
        _kill(process)
        return alive


def _prepare(arguments: list[str], said: str) -> None:
    os.setpgid(0, 0)
    file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    import dask.config

    from triptych.cli.main import main

    dask.config.set({"distributed.worker.multiprocessing-method": "fork"})
    sys.argv = ["triptych", *arguments]
    main()


def _kill(process: BaseProcess) -> None:
    assert process.pid is not None
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()


def committed(out: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every whole file of a run."""
    found = {}
    for folder, _, names in os.walk(out):
        for name in names:
            path = os.path.join(folder, name)
            with suppress(FileNotFoundError):  # such as the mail of a Beam run
                stat = os.stat(path)
                if not name.startswith(".tmp-"):
                    found[os.path.relpath(path, out)] = (stat.st_ino, stat.st_mtime_ns)
    return found
