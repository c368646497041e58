"""No number of a table is cut, whatever the width of the terminal."""

import io
import re

import pytest
from rich.console import Console
from rich.table import Table

from triptych.cli.fit_tables import fit

NUMBERS = ["1,234,567,890", "98,765,432", "7", "123,456,789,012", "555,555", "1,000,000", "2,222", "33"]


def table(last: bool) -> Table:
    made = Table(title="Sources")
    for name in ("source", "kind"):
        made.add_column(name)
    for at in range(len(NUMBERS)):
        made.add_column("a number " + "abcdefgh"[at], justify="right")
    if last:
        made.add_column("note")
    for name in ("docs", "a source with a name that is long enough to be folded"):
        made.add_row(name, "image-text", *NUMBERS, *(["some empty"] if last else []))
    return made


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("last", [False, True])
def test_every_number_stands_there_whole(width: int, last: bool) -> None:
    screen = Console(file=io.StringIO(), width=width)
    for block in fit(table(last), width):
        screen.print(block)
    printed = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "\u2026" not in printed
    assert max(map(len, printed.splitlines())) <= width
    for number in NUMBERS:
        assert len(re.findall(rf"(?<![\d,]){number}(?![\d,])", printed)) == 2
    assert printed.count("Sources") == 1
