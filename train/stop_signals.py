"""Signals that end a training: it saves a checkpoint first, unless the user insists.

SIGTERM, SIGHUP and the first Ctrl-C end the run after the current step, with a checkpoint. A second Ctrl-C only says
that it is being saved; a third one ends the process at once.
"""

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Self

ENDED_AT_ONCE = 130
_MESSAGES = {
    1: "stopping: the current step is finished, then a checkpoint is saved.",
    2: "still saving. Press Ctrl-C once more to end at once; the steps since the last checkpoint are then lost.",
    3: "ended at once. Run the same command again to resume from the last checkpoint.",
}


class StopSignals:
    """While active, signals set `requested` instead of ending the process.

    Args:
        speaks: Whether this process prints what a Ctrl-C does; only rank 0 does.
    """

    def __init__(self, speaks: bool) -> None:
        self.requested = False
        self._speaks = speaks
        self._interrupts = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number, handler in (
            (signal.SIGTERM, self._stop),
            (signal.SIGHUP, self._stop),
            (signal.SIGINT, self._ctrl_c),
        ):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores SIGHUP, a shell SIGINT of a background job
                self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.requested = True

    def _ctrl_c(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._interrupts += 1
        if self._speaks and self._interrupts in _MESSAGES:
            # not `print`: a handler may interrupt one
            os.write(2, f"\ntriptych: {_MESSAGES[self._interrupts]}\n".encode())
        if self._interrupts >= max(_MESSAGES):
            os._exit(ENDED_AT_ONCE)
