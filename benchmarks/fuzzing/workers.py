"""Runs numbered inputs in forked processes: one that crashes or hangs is named, and the others go on."""

import multiprocessing
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

CPU_SECONDS = 20  # of one input; processor time, which other processes on the machine do not stretch
PATIENCE = 300.0  # seconds after which an input that does not even use the processor hangs
MEMORY = 8 << 30  # bytes of address space, so that a wrong length cannot take the machine's memory
LOOK = 1.0  # seconds between two looks at the clock


class Hang(BaseException):
    """An input took too long."""


@dataclass(frozen=True)
class Outcome:
    """What became of an input: `end` is a word that is counted, `problem` is None where it is one that may be."""

    number: int
    end: str
    problem: str | None = None


Task = Callable[[int], tuple[str, str | None]]


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    left: list[int]
    since: float = field(default_factory=time.monotonic)


def run_all(task: Task, numbers: Sequence[int], processes: int) -> Iterator[Outcome]:
    """Yield the outcome of each input, in any order.

    Args:
        task: Returns the end and the problem of an input, given its number; what it raises is a problem.
        numbers: Numbers of the inputs.
        processes: Number of processes.
    """
    workers = [_start(task, list(numbers[part::processes])) for part in range(processes)]
    while workers:
        ready = wait([worker.connection for worker in workers], LOOK)
        for worker in list(workers):
            if worker.connection in ready:
                try:
                    outcome: Outcome = worker.connection.recv()
                except EOFError:
                    worker.process.join()
                    outcome = Outcome(worker.left[0], "crash", f"the process ended with {worker.process.exitcode}")
            elif time.monotonic() - worker.since > PATIENCE:
                worker.process.kill()
                worker.process.join()
                outcome = Outcome(worker.left[0], "hang", f"no answer in {PATIENCE:.0f} s")
            else:
                continue
            worker.left.remove(outcome.number)
            worker.since = time.monotonic()
            yield outcome
            if not worker.left or outcome.end == "crash" or not worker.process.is_alive():
                worker.process.join()
                workers.remove(worker)
                workers += [_start(task, worker.left)] if worker.left else []


def _start(task: Task, numbers: list[int]) -> _Worker:
    context: Any = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(task, numbers, theirs), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, mine, numbers)


def _work(task: Task, numbers: Sequence[int], connection: Connection) -> None:
    with suppress(ValueError):  # a lower limit is there already
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, _hangs)
    sys.stdout = sys.stderr
    for number in numbers:
        connection.send(run_one(task, number))


def run_one(task: Task, number: int) -> Outcome:
    """Run one input in this process."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        end, problem = task(number)
        return Outcome(number, end, problem)
    except Hang:
        return Outcome(number, "hang", _last_lines())
    except BaseException as error:
        return Outcome(number, "exception", f"{type(error).__name__}: {error}"[:300] + _last_lines())
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def summary(key: str, line: dict[str, Any]) -> str:
    """What came of the inputs of a reader or a family, in a line."""
    ends = ", ".join(f"{count:,} {end}" for end, count in line["ends"].items())
    failures = len(line["failures"])
    return f"{line[key]}: {line['inputs']:,} inputs in {line['seconds']} s: {ends}; {failures} failures"


def _last_lines() -> str:
    frames = traceback.extract_tb(sys.exc_info()[2])[-6:]
    return "".join(f"\n  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames)


def _hangs(*_: Any) -> None:
    raise Hang
