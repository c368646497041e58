"""How far a run is, in a small file of its work folder, for those who follow it from elsewhere.

It is written every few seconds, and removed when the run ends well. A run goes on where it cannot be written.
"""

import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, ValidationError

from ...schemas.base import Strict
from ...schemas.errors import Refusal
from ...schemas.secrets import shown
from ...schemas.storage.store import WORK, Store
from .journal import Journal

PROGRESS = f"{WORK}/progress.json"
LOCAL_SECONDS, REMOTE_SECONDS = 2.0, 15.0  # between two writes
MESSAGES = 20  # that are kept
Count = Annotated[int, Field(ge=0, le=2**63)]


class StepState(Strict):
    """A step that has begun."""

    step: str
    partitions: Count
    reused: Count  # partitions that an earlier try committed
    done: Count  # partitions of this try
    rows: Count  # of the partitions of this try, where they are counted
    tokens: Count
    seconds: Annotated[float, Field(ge=0, le=1e12)]
    running: bool

    @property
    def left(self) -> float | None:
        """Seconds that are left at the mean speed so far; None before the first partition."""
        missing = self.partitions - self.reused - self.done
        return missing * self.seconds / self.done if self.done else None


class RunProgress(Strict):
    """What the file holds."""

    engine: str
    begun: AwareDatetime
    written: AwareDatetime
    steps: tuple[StepState, ...]
    workers: Count  # processes that have finished a partition
    peak_bytes: Count  # of the process that took most memory
    dropped: dict[str, Count]  # reason -> rows so far
    messages: tuple[str, ...]
    failed: str | None = None  # why the run ended

    @classmethod
    def read(cls, store: Store) -> Self | None:
        """Read the progress of the run that writes to a store; None if there is none."""
        try:
            return cls.model_validate_json(store.read(PROGRESS))
        except (FileNotFoundError, ValidationError):
            return None


class ProgressFile:
    """Writer of the file, told by a journal whenever something is recorded."""

    def __init__(self, store: Store, journal: Journal, engine: str) -> None:
        self._store, self._journal, self._engine = store, journal, engine
        self._begun, self._last = datetime.now(UTC), -REMOTE_SECONDS
        self._pause = LOCAL_SECONDS if store.local else REMOTE_SECONDS

    def update(self, begins: bool) -> None:
        """Write the file if a step begins, or the last write is long enough ago."""
        if begins or time.monotonic() - self._last >= self._pause:
            self._write(None)

    def finish(self, error: BaseException | None) -> None:
        """Remove the file after a run that ended well; else write why it ended."""
        if error is not None:
            self._write(" ".join(shown(str(error) or type(error).__name__).split()))
            return
        with suppress(OSError):
            self._store.delete(PROGRESS)

    def _write(self, failed: str | None) -> None:
        with suppress(OSError, Refusal):
            self._store.write(PROGRESS, self._progress(failed).model_dump_json(indent=1).encode())
        self._last = time.monotonic()

    def _progress(self, failed: str | None) -> RunProgress:
        journal = self._journal
        dropped: Counter[str] = Counter()
        for tally in journal.tallies:
            dropped.update(tally.dropped)
        peaks = [(process, peak) for step in journal.steps for process, peak in step.peak_bytes.items()]
        steps = (
            StepState(
                step=step.label,
                partitions=step.total,
                reused=step.reused,
                done=step.done,
                rows=step.rows,
                tokens=step.tokens,
                seconds=round(step.seconds or step.elapsed, 1),
                running=not step.seconds and failed is None,
            )
            for step in journal.steps
        )
        return RunProgress(
            engine=self._engine,
            begun=self._begun,
            written=datetime.now(UTC),
            steps=tuple(steps),
            workers=len({process for process, _ in peaks}),
            peak_bytes=max((peak for _, peak in peaks), default=0),
            dropped=dict(dropped.most_common()),
            messages=tuple(map(shown, journal.messages[-MESSAGES:])),
            failed=failed,
        )
