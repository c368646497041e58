"""Tables that fit a terminal: a number is never cut, so a table that is too wide is broken into blocks of columns."""

from collections.abc import Iterable

from rich.cells import cell_len
from rich.table import Column, Table

from ..schemas.console import VisibleConsole
from .explain import explanations

EDGE, BETWEEN = 1, 3  # cells of the left border, and of a column beside its content
LEAST = 12  # cells that a column of words keeps


def fit(table: Table, width: int) -> list[Table]:
    """Break a table into blocks that fit a width, each with the columns of words on the left.

    Args:
        table: Numbers are in its columns that are justified to the right.
        width: Cells of the terminal.

    Returns:
        The table itself if it fits, with columns of numbers that are never squeezed.
    """
    numbers = [column for column in table.columns if column.justify == "right"]
    words = [column for column in table.columns if column.justify != "right"]
    for column in numbers:
        column.min_width, column.no_wrap = _width(column), True
    for column in words:
        column.overflow = "fold"
    room = width - EDGE - sum(min(_width(column), LEAST) + BETWEEN for column in words)
    blocks: list[list[Column]] = [[]]
    for column in numbers:
        taken = sum(_width(one) + BETWEEN for one in blocks[-1])
        if blocks[-1] and taken + _width(column) + BETWEEN > room:
            blocks.append([])
        blocks[-1].append(column)
    if len(blocks) == 1:
        return [table]
    last = words[-1:] if table.columns[-1] in words and len(words) > 1 else []
    first = [column for column in words if column not in last]
    made = [[*first, *block] for block in blocks]
    made[-1] += last
    return [_table(table if at == 0 else None, columns) for at, columns in enumerate(made)]


def print_tables(tables: Iterable[tuple[Table, tuple[str, ...]]], screen: VisibleConsole, explain: bool) -> None:
    """Print tables that fit a terminal, and below each what its terms mean if that is wanted.

    Args:
        tables: Each table with the keys of its terms.
        screen: The terminal.
        explain: Whether to print the explanations.
    """
    for table, terms in tables:
        for block in fit(table, screen.width):
            screen.print(block)
        for line in explanations(*terms) if explain else ():
            screen.print(line)


def _table(titled: Table | None, columns: list[Column]) -> Table:
    made = Table(title=titled.title if titled else None, title_justify="left")
    for column in columns:
        made.add_column(
            column.header, justify=column.justify, min_width=column.min_width, no_wrap=column.no_wrap, overflow="fold"
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        made.add_row(*cells)
    return made


def _width(column: Column) -> int:
    return max((cell_len(str(cell)) for cell in (column.header, *column.cells)), default=0)
