"""A report: every figure beside its reference value and the control's figure, what was not measured, and the facts."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...metrics import finite
from ...verdict import beside_baseline, comparison
from .exhibits import Exhibit
from .metric import Metric
from .not_measured import NotMeasured


@dataclass(frozen=True)
class Line:
    """A figure of a run, and the same figure of its control."""

    metric: Metric
    control: Metric | None = None


@dataclass(frozen=True)
class Report:
    """An evaluation; `facts` hold all that is needed to repeat it: command, checkpoint, datasets, seed and n."""

    facts: dict[str, Any]
    lines: tuple[Line, ...]
    missing: tuple[NotMeasured, ...]
    exhibits: tuple[Exhibit, ...]


def report_of(
    facts: dict[str, Any],
    found: Iterable[Metric | NotMeasured | Exhibit],
    control: Iterable[Metric | NotMeasured | Exhibit] = (),
) -> Report:
    """Combine the results of a run and of its control, matched by group, name and unit.

    What only the control has, or lacks, is listed under its own name.

    Args:
        facts: Facts of the evaluation.
        found: Results of the run.
        control: Results of the control.
    """
    mine, theirs = list(found), list(control)
    beside = {(row.group, row.name, row.unit): row for row in theirs if isinstance(row, Metric)}
    lines = [Line(row, beside.pop((row.group, row.name, row.unit), None)) for row in mine if isinstance(row, Metric)]
    missing = [one for one in mine if isinstance(one, NotMeasured)]
    for lack in theirs:
        if isinstance(lack, NotMeasured) and lack not in missing:
            missing.append(NotMeasured(lack.group, f"{lack.name} (control)", lack.why, lack.fault))
    missing += [
        NotMeasured(row.group, row.name, f"the control alone has it: {with_error(row)}") for row in beside.values()
    ]
    return Report(facts, tuple(lines), tuple(missing), tuple(one for one in mine if isinstance(one, Exhibit)))


def faults(report: Report) -> list[NotMeasured]:
    """What was not measured because something failed."""
    return [one for one in report.missing if one.fault]


def verdicts(report: Report) -> list[str]:
    """How the run does on held-out documents, in words: beside the unigram baseline, and beside the control."""
    found = []
    for line in report.lines:
        row = line.metric
        if row.baseline is not None:
            said = f"{row.name}: {number(row.value, row.error)} {row.unit}, unigram baseline {row.baseline:.2f}: "
            found.append(f"{said}{beside_baseline(row.value, row.baseline)}{_beside_control(line)}.")
    return found


def _beside_control(line: Line) -> str:
    """The control's figure, and whether the difference is larger than two of its standard errors."""
    row, other = line.metric, line.control
    if other is None:
        return ""
    error = math.hypot(row.error or 0.0, other.error or 0.0)
    said = comparison(row.value, other.value, error)
    return f"; {said} the control, {number(other.value, other.error)}"


def to_json(report: Report) -> dict[str, Any]:
    """The report without its samples, JSON-ready; values that are not finite become null."""
    return {
        **report.facts,
        "rows": [_row(line.metric) | {"control": line.control and _row(line.control)} for line in report.lines],
        "missing": [asdict(one) for one in report.missing],
    }


def cells(line: Line) -> tuple[str, ...]:
    """Cells of a table line, in the order of HEADINGS."""
    row = line.metric
    floor = "" if row.floor is None else number(row.floor, row.error)
    control = "" if line.control is None else with_error(line.control)
    name = f"{row.name} {ARROWS[row.better]}".rstrip()
    return row.group, name, with_error(row), row.unit, f"{row.n:,}", floor, control


DIGITS = 6  # after the point; what is smaller is written with an exponent
HEADINGS: Sequence[str] = ("group", "figure", "value ± error [95 %]", "unit", "n", "reference", "control")
ARROWS = {"higher": "↑", "lower": "↓", "neither": ""}


def with_error(row: Metric) -> str:
    """A value with its standard error, rounded to two digits of the error; a share with its interval."""
    if row.interval is not None:
        width = row.interval[1] - row.interval[0]
        low, high = (number(limit, width) for limit in row.interval)
        return f"{number(row.value, width)} [{low}, {high}]"
    value = number(row.value, row.error)
    return value if row.error is None else f"{value} ± {number(row.error, row.error)}"


def number(value: float, error: float | None) -> str:
    """A value rounded to the digits that its error allows, or to four digits."""
    if not math.isfinite(value):
        return "∞" if value == math.inf else "–"
    if not value:
        return "0"
    scale = abs(value) if not error or not math.isfinite(error) else error * 100
    digits = max(3 - math.floor(math.log10(scale)), 0)
    if digits > DIGITS:
        return f"{value:.1e}" if abs(value) < 10**-DIGITS else f"{value:,.{DIGITS}f}"
    return f"{value:,.{digits}f}"


def _row(row: Metric) -> dict[str, Any]:
    values: dict[str, Any] = finite(asdict(row))
    return values
