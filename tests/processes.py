"""Processes for tests, forked from one that has made the imports.

A process that imports torch, Arrow, Dask and Beam is busy for several seconds before it reaches what a test is about,
and a test that kills and resumes a run starts several. A process of the fork server starts at once. It is a process
like any other: with a pid of its own, no threads and no state of the test's process; signals and SIGKILL do to it what
they do to a command in a shell.

All children of a fork server have the same seed of `hash`, and libraries that read environment variables while they are
imported do not see those of a test. A test that compares runs therefore starts one of them as a user does.
"""

import functools
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from types import MappingProxyType

import numpy as np

ROOT = Path(__file__).parents[1]


@functools.cache
def start_fork_server() -> None:
    """Start the fork server of this process, the one that Dask and Beam fork their workers from as well."""
    before = Path.cwd()
    os.chdir(ROOT)  # where the server finds `tests`
    try:
        multiprocessing.set_forkserver_preload(["tests.preloaded"])
        forkserver.ensure_running()
    finally:
        os.chdir(before)


class Forked:
    """`python -c CODE ARGUMENTS` in a process of the fork server, with the environment of the test and `more`."""

    def __init__(self, code: str, arguments: Sequence[str], more: Mapping[str, str] = MappingProxyType({})) -> None:
        start_fork_server()
        handle, name = tempfile.mkstemp()
        os.close(handle)
        self._output = Path(name)
        environment = {**os.environ, **more}
        # a daemon: it ends with the test run when its test fails
        self._process = multiprocessing.get_context("forkserver").Process(
            target=_run, args=(code, arguments, environment, name), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self._process.pid

    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.exitcode

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.pid is not None
        os.kill(self.pid, number)

    def end(self, timeout: float) -> tuple[int | None, str]:
        """Wait for the end; returns the exit code, None where it goes on, and what it wrote to both its streams."""
        self._process.join(timeout)
        output = self._output.read_text(errors="replace")
        self._output.unlink()
        return self._process.exitcode, output


def ranks(count: int) -> list[dict[str, str]]:
    """The variables by which torchrun tells `count` processes on this machine of each other."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]


def _run(code: str, arguments: Sequence[str], environment: Mapping[str, str], output: str) -> None:
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ.clear()
    os.environ |= environment
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    np.random.seed()  # noqa: NPY002 not the state of the fork server
    sys.argv = ["-c", *arguments]
    exec(code, {"__name__": "__main__"})
