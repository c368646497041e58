"""The function that the workers of a Beam pipeline apply to batches of independent items."""

from dataclasses import dataclass
from typing import Any

from .base import MeasuredTask
from .beam_results import BeamResults, Span


@dataclass(frozen=True)
class Work:
    """Runs the engine's task on every item of a batch and writes the results to the mailbox."""

    mailbox: BeamResults
    task: MeasuredTask[Any, Any]

    def __call__(self, span: Span) -> None:
        """Process the batch at `span`."""
        with self.mailbox.attempting(span[0]):
            self.mailbox.answer(span[0], [self.task(index, item) for index, item in self.mailbox.take(span)])
