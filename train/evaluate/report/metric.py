"""A figure of an evaluation, with its standard error and its reference value."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """A figure of an evaluation.

    Attributes:
        group: Group of the report that it belongs to.
        name: Name of the figure.
        value: Its value.
        error: Standard error; None if it is unknown or 0, and for fewer than three items.
        n: Number of items that it is a mean over.
        unit: Unit; may be empty.
        better: Whether a higher or a lower value is better; neither, of a figure that should be that of real data.
        floor: Reference value in the same unit: what real data, the tokenizer's reconstructions or chance gets. A lower
            limit if lower is better, an upper limit if higher is better (except for chance).
        note: Explanation shown with the figure.
        baseline: What a model gets that has learned nothing of the order of tokens, in the same unit; None if unknown.
        interval: 95 % confidence interval of a share, shown in place of the error; None if there is none.
    """

    group: str
    name: str
    value: float
    error: float | None
    n: int
    unit: str
    better: Literal["higher", "lower", "neither"]
    floor: float | None = None
    note: str = ""
    interval: tuple[float, float] | None = None
    baseline: float | None = None
