"""Nothing that a console prints is markup, or is obeyed by a terminal."""

import pytest
from rich.table import Table

from triptych.schemas.console import console, spinner, text

HOSTILE = "[red]a[/] :smile: \x1b[31mb\x9bc\u202ed"
SHOWN = "[red]a[/] :smile: "


def printed(what: object, capsys: pytest.CaptureFixture[str]) -> str:
    console().print(what)
    return capsys.readouterr().out


def obeyed(out: str) -> set[str]:
    return {"\x1b", "\x9b", "\u202e"} & set(out)


def test_strings_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(HOSTILE, capsys)
    assert SHOWN in out
    assert not obeyed(out)


def test_cells_titles_and_styled_texts_too(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("column", title=HOSTILE)
    table.add_row(HOSTILE)
    table.add_row(text(HOSTILE, "bold"))
    out = printed(table, capsys)
    assert out.count(SHOWN) == 3
    assert not obeyed(out)


def test_a_table_in_a_pipe_is_not_squeezed(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("column")
    table.add_row("word " * 25)
    assert max(map(len, printed(table, capsys).splitlines())) > 125


def test_a_quiet_console_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    console(quiet=True).print("a")
    assert capsys.readouterr().out == ""


def test_the_spinner_has_frames_of_the_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = console()
    for encoding, name in (("utf-8", "dots"), ("ascii", "line")):
        monkeypatch.setattr(type(screen), "encoding", encoding)
        assert spinner(screen) == name
