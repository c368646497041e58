"""How numbers, sizes and times are written on the pages."""

from typing import Any

from markupsafe import Markup

from ...pipelines.inspection.browse.overview import duration
from ...schemas.visible import visible


def number(value: float | None, digits: int = 0) -> str:
    """1,234,567, or with `digits` after the point; an en dash for nothing."""
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share as a percentage, with more digits where it would look like 0 or 100 but is not."""
    if share is None:
        return "–"
    shown = f"{share:.{digits}%}"
    hides = (share > 0 and float(shown[:-1]) == 0) or (share < 1 and float(shown[:-1]) == 100)
    return f"{share:.{digits + 2}%}".replace("%", " %") if hides else shown.replace("%", " %")


def short(value: float) -> str:
    """Abridge a number to three digits: 12.3 M."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            scaled = value / size
            return f"{scaled:.{0 if scaled >= 100 else 1 if scaled >= 10 else 2}f} {unit}"
    return f"{value:,.0f}"


def size(count: float) -> str:
    """Write a number of bytes in powers of 1,000: 1.5 GB."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count:,.0f} B"


def figure(value: float | None) -> str:
    """A measured figure with four digits."""
    return "–" if value is None else f"{value:.4g}"


def shown(value: Any) -> Any:
    """Make what a template puts on a page visible: control characters and marks that reverse text become escapes."""
    return visible(value, lines=True) if isinstance(value, str) and not isinstance(value, Markup) else value


FILTERS = {
    "number": number,
    "percent": percent,
    "short": short,
    "size": size,
    "figure": figure,
    "duration": duration,
}
