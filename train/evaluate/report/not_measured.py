"""A figure that was not measured, and why: a line of the report, so that nothing is missing silently."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NotMeasured:
    """A figure without a value; `why` states the reason and what would provide it."""

    group: str
    name: str
    why: str
