"""Processes of a training that is disturbed from outside: signals, and a limit on the size of files."""

import resource
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .processes import Forked, ranks

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
TRAIN = "import triptych.train.__main__"
# A limit on the size of files, set from outside, stands for a disk that is full from some byte on.
TRAIN_ON_A_FULL_DISK = f"""
import errno, signal
from triptych.schemas.storage import full_disk
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
full_disk.FULL[errno.EFBIG] = full_disk.FULL[errno.ENOSPC]
{TRAIN}
"""
PATIENCE = 240  # seconds until a process counts as hanging
HARD = resource.getrlimit(resource.RLIMIT_FSIZE)[1]


class Wrong(AssertionError):
    """A run did what it may not do."""


class How(NamedTuple):
    """How a training is started."""

    world: int = 1
    workers: int = 1
    dataset: int = 0  # which of the copies
    start: int | None = None  # --from

    def __str__(self) -> str:
        start = "" if self.start is None else f" --from {self.start}"
        return f"{self.world} x {self.workers}, copy {self.dataset}{start}"


class Training:
    """Processes of one training, started as torchrun does."""

    def __init__(self, file: Path, how: How, code: str = TRAIN) -> None:
        arguments = [str(file), *(() if how.start is None else ("--from", str(how.start)))]
        environments = ranks(how.world) if how.world > 1 else [{}]
        self.ranks = [Forked(code, arguments, ENVIRONMENT | rank) for rank in environments]

    def running(self) -> bool:
        return all(rank.running() for rank in self.ranks)

    def send(self, number: signal.Signals, only: int | None = None) -> None:
        for rank in self.ranks if only is None else [self.ranks[only % len(self.ranks)]]:
            with suppress(ProcessLookupError):
                rank.send(number)

    def limit(self, size: int) -> None:
        """Limit the size of files."""
        for rank in self.ranks:
            with suppress(ProcessLookupError):
                resource.prlimit(rank.pid or 0, resource.RLIMIT_FSIZE, (size, HARD))

    def end(self) -> tuple[list[int | None], str]:
        """Exit codes and what was printed; when one process fails, the others are killed, as torchrun does."""
        deadline = time.monotonic() + PATIENCE
        while any(rank.running() for rank in self.ranks) and time.monotonic() < deadline:
            if any(not rank.running() and rank.code() for rank in self.ranks):
                time.sleep(0.5)
                break
            time.sleep(0.005)
        hung = time.monotonic() >= deadline
        self.send(signal.SIGKILL)
        ended = [rank.end(PATIENCE) for rank in self.ranks]
        output = "\n".join(output for _, output in ended)
        if hung:
            raise Wrong(f"hangs: {output[-1500:]}")
        return [code for code, _ in ended], output


def require(truth: bool, what: str) -> None:
    """Raise Wrong unless it is true."""
    if not truth:
        raise Wrong(what)
