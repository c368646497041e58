"""One line of an evaluation: a figure with its error, and how far it could be from what was measured."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """A figure; `floor` is what the best possible model would be held to, in the same unit."""

    group: str
    name: str
    value: float
    error: float | None  # standard error
    n: int
    unit: str
    better: Literal["higher", "lower"]
    floor: float | None = None
    note: str = ""
