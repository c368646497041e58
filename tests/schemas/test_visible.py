"""Text that a terminal would obey or hide is written as escapes; what has a glyph stays as it is."""

import logging
import sys
import unicodedata
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.errors import Refusal
from triptych.schemas.visible import guard_output, print_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]8;;http://a/\x07b\x1b]8;;\x1b\\", "\\x1b]8;;http://a/\\x07b\\x1b]8;;\\x1b\\"),
        ("\x9b31m\x7f\x00", r"\x9b31m\x7f\x00"),
        ("a\rb\nc\td", r"a\rb\nc\td"),
        ("\u202egnp.exe\u2066\u2069", r"\u202egnp.exe\u2066\u2069"),
        ("a\u200bb\ufeffc\u2060\xad\u2028\u2029\x85", r"a\u200bb\ufeffc\u2060\xad\u2028\u2029\x85"),
        ("pass\u200dword \u200c", r"pass\u200dword \u200c"),
        ("\ud800 \udc80", r"\ud800 \udc80"),
        ("\U000e0041", r"\U000e0041"),
        ("[/red] [bold] :smile: 漢 é", "[/red] [bold] :smile: 漢 é"),
        ("\U0001f469\u200d\U0001f467 ❤\ufe0f می\u200cخواهم", "\U0001f469\u200d\U0001f467 ❤\ufe0f می\u200cخواهم"),
    ],
)
def test_what_a_terminal_obeys_or_hides_is_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


@given(st.text(st.characters(), max_size=40))
def test_no_control_character_and_no_surrogate_is_left(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(shown) & set(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x200E, 0xFEFF)))
    shown.encode()


def test_lines_keep_their_breaks_alone() -> None:
    assert visible("a\n\tb\r\x1b", lines=True) == "a\n\tb\\r\\x1b"


def test_a_refusal_is_visible_wherever_it_is_printed() -> None:
    assert str(Refusal("a\x1b[2J\nb: no such file.")) == r"a\x1b[2J\nb: no such file."


def test_what_libraries_print_is_visible(capsys: pytest.CaptureFixture[str]) -> None:
    guard_output()
    print_line("a\x1b", err=True)
    print_line("b\x1b")
    warnings.showwarning("c\x1b", UserWarning, "file\x1b", 1)
    record = logging.getLogRecordFactory()("name", logging.WARNING, "path", 1, "d%s", ("\x1b",), None)
    assert logging.Formatter().format(record) == r"d\x1b"
    sys.excepthook(ValueError, ValueError("e\x1b"), None)
    said = capsys.readouterr()
    assert said.out == "b\\x1b\n"
    assert "\x1b" not in said.err
    assert [word in said.err for word in (r"a\x1b", r"c\x1b", r"e\x1b")] == [True] * 3
