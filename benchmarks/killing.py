"""Commands in processes that are killed: each in a group of its own, forked from one that has made the imports."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

PAUSE = 0.01  # seconds between two looks at the folder
HANGING = 900  # seconds after which a run is said to hang

Engine = tuple[str, ...]
Arguments = list[str]
Stamps = dict[str, tuple[int, int]]  # inode and time of a file, by its name


class Failed(Exception):
    """A command that nobody killed did not end well."""


class Killing:
    """Commands on the datasets of one run file, each in a process group of its own.

    Args:
        run_file: The run file; `out` is set for each run.
        overrides: As `triptych prepare --set` takes them, for every run.
        scratch: Folder for what the commands print.
    """

    def __init__(self, run_file: Path, overrides: Sequence[str], scratch: Path) -> None:
        self._run_file, self._overrides, self._said = run_file, tuple(overrides), scratch / "said"

    def prepare(self, out: Path, engine: Engine, version: Sequence[str] = ()) -> Arguments:
        """`triptych prepare` of a version of the run file: of further overrides."""
        workers = ["--workers", engine[1]] if len(engine) > 1 else []
        overrides = [part for each in (*self._overrides, *version, f"out={out}") for part in ("--set", each)]
        return ["prepare", str(self._run_file), "--json", "--engine", engine[0], *workers, *overrides]

    def finish(self, arguments: Arguments) -> str:
        """Run a command that nobody kills, and return what it prints.

        Raises:
            Failed: It hangs, or its exit code is not 0.
        """
        process = self._start(arguments)
        process.join(HANGING)
        if process.exitcode != 0:
            _kill(process)
            said = self._said.read_text(errors="replace")
            raise Failed(f"{' '.join(arguments)}: exit code {process.exitcode}. {said[-2000:]}")
        return self._said.read_text()

    def kill_at(self, arguments: Arguments, out: Path, changes: int, later: float) -> bool:
        """Run, and SIGKILL to the whole group once so many files came, changed or went.

        Args:
            arguments: The command.
            out: The folder that it changes.
            changes: Number of files.
            later: Seconds to wait after that.

        Returns:
            False if the command ended before.
        """
        before = committed(out)
        process, deadline = self._start(arguments), time.monotonic() + HANGING
        while process.is_alive() and differences(before, committed(out)) < changes and time.monotonic() < deadline:
            time.sleep(PAUSE)
        process.join(later)
        alive = process.is_alive()
        _kill(process)
        return alive

    def _start(self, arguments: Arguments) -> BaseProcess:
        context = multiprocessing.get_context("fork")
        process = context.Process(target=_run, args=(arguments, str(self._said)))
        process.start()
        assert process.pid is not None
        with suppress(PermissionError, ProcessLookupError):  # it may have done so itself
            os.setpgid(process.pid, process.pid)
        return process


def takedown(out: Path, ids: Path) -> Arguments:
    """`triptych takedown` of the ids in a file."""
    return ["takedown", str(out), "--ids", str(ids), "--yes", "--json"]


def _run(arguments: Arguments, said: str) -> None:
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


def differences(before: Stamps, now: Stamps) -> int:
    """Number of files that came, changed or went."""
    return sum(before.get(name) != now.get(name) for name in before.keys() | now.keys())


def committed(out: Path) -> Stamps:
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
