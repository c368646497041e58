"""What the workers of a cluster do: who runs what since when, at which rate, who is slow, who left, what failed."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

SILENT = 15.0  # seconds without a heartbeat after which a worker is named; Dask's is every few seconds
SLOW = 3.0  # times the usual duration of a task of its kind
LEAST = 20.0  # seconds before a task is called slow
RECENT = 300.0  # seconds over which rates are counted
KEPT = 50  # durations of a kind of task, and events, that are remembered


@dataclass
class WorkerState:
    """A connected worker."""

    host: str
    address: str
    joined: float
    runs: str = ""  # label of its task
    key: str = ""
    since: float = 0.0  # when the task was first seen
    memory: int = 0  # bytes
    silent: float = 0.0  # seconds since its last heartbeat, beyond that of the last worker heard of
    finished: deque[float] = field(default_factory=lambda: deque(maxlen=2000))  # times


@dataclass(frozen=True)
class WorkerLine:
    """A worker as it is shown."""

    host: str
    address: str
    runs: str
    seconds: float
    per_minute: float
    memory: int
    note: str  # why it is named: silent, slow; empty for all others


class WorkerBoard:
    """Keeps the states of all workers; `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._workers: dict[str, WorkerState] = {}
        self._durations: dict[str, deque[float]] = {}
        self._events: deque[tuple[float, str]] = deque(maxlen=KEPT)
        self.left = 0

    def look(self, workers: Mapping[str, Any], processing: Mapping[str, Sequence[Any]]) -> None:
        """Take what the scheduler knows.

        Args:
            workers: Its description of each worker, by address.
            processing: Keys of the tasks that each worker has; a key is the task's label, a hyphen, and a number.
        """
        now = self._clock()
        heard = max((float(worker["last_seen"]) for worker in workers.values()), default=0.0)
        for address in self._workers.keys() - workers.keys():
            gone = self._workers.pop(address)
            self.left += 1
            self.event(f"the worker on {gone.host} ({address}) left during {gone.runs or 'no task'}")
        for address, worker in workers.items():
            state = self._workers.setdefault(address, WorkerState(str(worker["host"]), address, now))
            state.silent = heard - float(worker["last_seen"])
            state.memory = int(worker.get("metrics", {}).get("memory", 0))
            keys = [str(key) for key in processing.get(address, ())]
            if state.key not in keys:
                state.key, state.since = (keys[0] if keys else ""), now
                state.runs = label_of_key(state.key)

    def finished(self, worker: str, label: str, seconds: float) -> None:
        """Count a task of a worker."""
        self._durations.setdefault(label, deque(maxlen=KEPT)).append(seconds)
        if worker in self._workers:
            self._workers[worker].finished.append(self._clock())

    def event(self, what: str) -> None:
        """Remember what failed, and where."""
        self._events.append((self._clock(), what))

    def lines(self) -> list[WorkerLine]:
        """Return all workers: those with a note first, then by host."""
        now = self._clock()
        shown = [self._line(state, now) for state in list(self._workers.values())]
        return sorted(shown, key=lambda line: (not line.note, line.host, line.address))

    def _line(self, state: WorkerState, now: float) -> WorkerLine:
        seconds = now - state.since if state.key else 0.0
        note = f"no heartbeat for {state.silent:.0f} s" if state.silent > SILENT else ""
        usual = median(self._durations.get(state.runs, [0.0]))
        if not note and usual and seconds > max(LEAST, SLOW * usual):
            note = f"slow: {state.runs} usually takes {usual:.0f} s"
        return WorkerLine(state.host, state.address, state.runs, seconds, self._rate(state, now), state.memory, note)

    def _rate(self, state: WorkerState, now: float) -> float:
        span = min(RECENT, max(now - state.joined, 1.0))
        return 60.0 * sum(1 for each in list(state.finished) if now - each <= span) / span

    def summary(self) -> str:
        """Return one sentence on all workers."""
        lines = self.lines()
        hosts = len({line.host for line in lines})
        busy, noted = sum(1 for line in lines if line.runs), sum(1 for line in lines if line.note)
        rate = sum(line.per_minute for line in lines)
        text = f"{_count(len(lines), 'worker')} on {_count(hosts, 'host')}, {busy:,} busy, {rate:,.0f} tasks/min"
        return text + (f", {noted} slow or silent" if noted else "") + (f", {self.left} left" if self.left else "")

    def events(self, most: int = 3) -> list[str]:
        """Return what happened last, the newest first, with its age."""
        now = self._clock()
        return [f"{now - when:,.0f} s ago: {what}" for when, what in list(self._events)[::-1][:most]]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def label_of_key(key: str) -> str:
    """Return the label in the key of a task."""
    return key.rpartition("-")[0]
