"""Texts of data in Markdown: shown as they are, on one line, and tables of them."""

from collections.abc import Iterable, Sequence

from .visible import visible

_MARKUP = str.maketrans({**{sign: f"\\{sign}" for sign in "\\`*_[]|#"}, "<": "&lt;", ">": "&gt;", "&": "&amp;"})


def plain(text: object) -> str:
    """Return a text of the data as Markdown shows it unchanged, on one line and without markup or links."""
    shown = visible(" ".join(str(text).split()))
    return shown.translate(_MARKUP)


def table(heads: Sequence[str], lines: Iterable[Sequence[object]], numbers: int = 0) -> str:
    """A table whose last columns, `numbers` of them, are aligned to the right."""
    words = len(heads) - numbers
    rule = ["---"] * words + ["---:"] * numbers
    cells = [[plain(f"{cell:,}" if isinstance(cell, int) else cell) for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in [list(heads), rule, *cells])
