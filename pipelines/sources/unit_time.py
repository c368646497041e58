"""Bounds the time in which a unit is read: `limits.unit_seconds`.

The check is made wherever data are read, block by block and row by row, in the thread that reads. It ends the run, and
never drops a row, so the dataset does not depend on how fast a machine is.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ...schemas.errors import Refusal
from .base import Unit

_deadline: ContextVar[tuple[float, str] | None] = ContextVar("deadline", default=None)


@contextmanager
def limited_time(unit: Unit, seconds: float | None) -> Iterator[None]:
    """Let `check_time` raise once `seconds` have passed in this block; None sets no limit."""
    if seconds is None:
        yield
        return
    rows = "" if not unit.start and unit.stop is None else f", rows from {unit.start}"
    message = (
        f"{unit.label}{rows}: was not read within `limits.unit_seconds`, {seconds:g} s. Look at the file, which may be "
        "made to take for ever; raise the limit, or remove the file from the source. Nothing of it was dropped."
    )
    token = _deadline.set((time.monotonic() + seconds, message))
    try:
        yield
        check_time()
    finally:
        _deadline.reset(token)


def check_time() -> None:
    """Raise Refusal when the time of the unit that is being read is over."""
    deadline = _deadline.get()
    if deadline is not None and time.monotonic() > deadline[0]:
        raise Refusal(deadline[1], exit_code=1)
