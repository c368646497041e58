"""A Dask cluster of real commands: a scheduler, workers that may be on other hosts, and runs on it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
TRIPTYCH = (sys.executable, "-c", "from triptych.cli.main import main; main()")
LONG = 240.0  # seconds, on a busy machine
ENVIRONMENT = {
    "COLUMNS": "400",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT),
    "PYTHONUNBUFFERED": "1",
}


class Command:
    """A running command in a session of its own, whose output goes to a file."""

    def __init__(
        self, line: Sequence[str], log: Path, more: Mapping[str, str] = MappingProxyType({}), cwd: Path | None = None
    ) -> None:
        self._log = log
        with open(log, "wb") as output:
            self._process = subprocess.Popen(
                line,
                env=os.environ | ENVIRONMENT | dict(more),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=cwd,
            )

    @property
    def output(self) -> str:
        """What it has written so far, to both streams."""
        return self._log.read_text(errors="replace")

    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def end(self, timeout: float = LONG) -> int:
        """Wait for its end; returns the exit code."""
        return self._process.wait(timeout)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and its children."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def kill(self) -> None:
        """Kill it and its children."""
        self.send(signal.SIGKILL)
        self._process.wait()

    def until(self, words: str, timeout: float = LONG) -> None:
        """Wait until its output has these words."""
        wait_for(lambda: words in self.output or not self.running(), timeout)
        assert words in self.output, self.output


def wait_for(ready: Callable[[], Any], timeout: float = LONG) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + timeout
    while not ready():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.1)


class Cluster:
    """The processes of a test; all of them end with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._commands: list[Command] = []
        self.address = ""

    def start(
        self, line: Sequence[str], more: Mapping[str, str] = MappingProxyType({}), cwd: Path | None = None
    ) -> Command:
        """Start a command."""
        command = Command(line, self.folder / f"{len(self._commands)}.log", more, cwd)
        self._commands.append(command)
        return command

    def scheduler(
        self, more: Mapping[str, str] = MappingProxyType({}), prefix: Sequence[str] = (), host: str = "127.0.0.1"
    ) -> Command:
        """Start a scheduler on a free port."""
        file = self.folder / f"scheduler-{len(self._commands)}.json"
        line = [*prefix, sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", host, "--port", "0"]
        started = self.start([*line, "--no-dashboard", "--scheduler-file", str(file)], more)
        wait_for(lambda: file.exists() or not started.running())
        self.address = json.loads(file.read_text())["address"]
        return started

    def worker(
        self,
        more: Mapping[str, str] = MappingProxyType({}),
        prefix: Sequence[str] = (),
        host: str = "127.0.0.1",
        nanny: bool = False,
        wait: bool = True,
    ) -> Command:
        """Start a worker; with `wait`, wait until the scheduler has it."""
        line = [*prefix, sys.executable, "-m", "distributed.cli.dask_worker", self.address, "--host", host]
        line += ["--nthreads", "1", "--memory-limit", "0", "--no-dashboard", "--nanny" if nanny else "--no-nanny"]
        started = self.start([*line, "--local-directory", str(self.folder / "dask")], more)
        if wait:
            started.until("Starting established connection")
        return started

    def prepare(self, tree: Mapping[str, Any], *more: str, prefix: Sequence[str] = ()) -> Command:
        """Start a run on the cluster."""
        file = self.folder / f"run-{len(self._commands)}.yaml"
        file.write_text(yaml.safe_dump(dict(tree)))
        return self.run_file(file, *more, prefix=prefix)

    def run_file(self, file: Path, *more: str, prefix: Sequence[str] = ()) -> Command:
        """Start the run of a file on the cluster."""
        engine = f"engine={{kind: dask, scheduler: '{self.address}'}}"
        return self.start([*prefix, *TRIPTYCH, "prepare", str(file), "--set", engine, *more])

    def close(self) -> None:
        """Kill what still runs."""
        for command in self._commands:
            command.kill()


def message(command: Command) -> str:
    """The one paragraph with which a command ended; there is no traceback beside it."""
    assert "Traceback" not in command.output, command.output
    (line,) = [line for line in command.output.splitlines() if line.startswith("triptych: ")]
    return line
