"""A figure that was not measured, and why: a line of the report, so that nothing is missing silently."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NotMeasured:
    """A figure without a value.

    Attributes:
        group: Group of the report that it belongs to.
        name: Name of the figure, or of several.
        why: The reason, and what would provide it.
        fault: Whether something went wrong, and the figure was not just out of reach; a command then exits with 1.
    """

    group: str
    name: str
    why: str
    fault: bool = False
