"""What was not measured, and why: a line of the report of its own, so that nothing is silently absent."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NotMeasured:
    """A figure that there is no value for; `why` says what would give it one."""

    group: str
    name: str
    why: str
