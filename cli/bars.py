"""Bars and curves of one line for a terminal, of block characters or, where its encoding lacks them, of ASCII."""

from collections.abc import Sequence
from itertools import pairwise

BLOCKS, ASCII = "▁▂▃▄▅▆▇█", "_.-=+*#@"
PARTS = " ▏▎▍▌▋▊▉█"  # eighths of a cell


def bar(share: float, width: int, unicode: bool = True) -> str:
    """A bar of `share` of a width in cells; one that is not 0 shows."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    if share > 0:
        eighths = max(eighths, 1)
    if not unicode:
        return "#" * -(-eighths // 8)
    return "█" * (eighths // 8) + (PARTS[eighths % 8] if eighths % 8 else "")


def curve(values: Sequence[float | None], width: int, unicode: bool = True) -> str:
    """A curve of the means of at most `width` equal parts of the values, scaled to their range; a gap for none."""
    levels = BLOCKS if unicode else ASCII
    count = min(width, len(values))
    edges = [at * len(values) // count for at in range(count + 1)] if count else []
    parts = [[value for value in values[a:b] if value is not None] for a, b in pairwise(edges)]
    means = [sum(part) / len(part) if part else None for part in parts]
    known = [mean for mean in means if mean is not None]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    top = len(levels) - 1
    return "".join(" " if each is None else levels[round((each - low) / span * top) if span else 0] for each in means)


def histogram(counts: Sequence[int], unicode: bool = True) -> str:
    """A column of one cell for each count, scaled to the largest; one that is not 0 shows."""
    levels = BLOCKS if unicode else ASCII
    most = max(counts, default=0)
    return "".join(levels[max(0, -(-count * len(levels) // most) - 1)] if count else " " for count in counts)
