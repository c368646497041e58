"""A line of the table of `benchmarks.scale`."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """What was measured or simulated, of which size, and by which law it grows."""

    what: str
    size: str
    value: float
    unit: str
    growth: str
    most: float | None = None  # target
    least: float | None = None  # target

    @property
    def verdict(self) -> str:
        """Whether the target is met; empty without a target."""
        if self.most is None and self.least is None:
            return ""
        met = (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)
        return "met" if met else "MISSED"

    @property
    def target(self) -> str:
        """The target in words."""
        if self.most is not None:
            return f"≤ {self.most:,g}"
        return "" if self.least is None else f"≥ {self.least:,g}"

    def line(self) -> str:
        """Return the row as a line of the table."""
        value = f"{self.value:,.3g}" if abs(self.value) < 1000 else f"{self.value:,.0f}"
        return f"{self.what:48} {self.size:36} {value:>10} {self.unit:8} {self.target:9} {self.verdict:6} {self.growth}"

    def json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self) | {"target": self.target, "verdict": self.verdict}
