"""Files of prompts: each line is a prompt as it stands, or the file is refused."""

import codecs
from pathlib import Path
from typing import Any

import pytest

from triptych.cli.sample_prompts import lines_of, prompts_of
from triptych.schemas.config.model import Task
from triptych.schemas.errors import Refusal

FILE = Path("prompts.txt")


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\n\n  \ntwo", ["one", "two"]),
        (b"\xef\xbb\xbfone\r\ntwo\r\n\r\n", ["one", "two"]),
        (" a \u2028b\n\x0cc\x85\x1cd\u2029\ne\rf\n".encode(), [" a \u2028b", "\x0cc\x85\x1cd\u2029", "e\rf"]),
        (codecs.BOM_UTF16_LE + "é\nß\r\n".encode("utf-16-le"), ["é", "ß"]),
        (codecs.BOM_UTF16_BE + "é\nß".encode("utf-16-be"), ["é", "ß"]),
        (codecs.BOM_UTF32_LE + "é\n".encode("utf-32-le"), ["é"]),
    ],
)
def test_a_line_is_a_prompt(data: bytes, lines: list[str]) -> None:
    assert [line for _, line in lines_of(data, FILE)] == lines


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "holds no prompt"),
        (b"\xef\xbb\xbf\r\n \n", "holds no prompt"),
        ("ä\nö".encode("latin-1"), "line 1: is not UTF-8 text"),
        (b"one\ntwo\n\xff", "line 3: is not UTF-8 text"),
        ("one\n".encode("utf-16-le"), "line 1: has a NUL character"),
        (codecs.BOM_UTF16_LE + b"a\0b", "is not UTF-16-LE text"),
        (b"one\rtwo\r", "carriage returns alone"),
    ],
)
def test_what_is_no_file_of_prompts_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        lines_of(data, FILE)


def test_a_text_that_looks_like_the_name_of_a_file_is_taken_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    none: Any = None  # a text needs nothing of the run
    (tmp_path / "there.txt").write_text("one\ntwo\n")
    assert [each.content for each in prompts_of(none, Task.T2I, "there.txt")] == ["one", "two"]
    assert [each.content for each in prompts_of(none, Task.T2I, "a red bus.")] == ["a red bus."]
    assert capsys.readouterr().err == ""
    assert [each.content for each in prompts_of(none, Task.T2I, "theer.txt")] == ["theer.txt"]
    assert capsys.readouterr().err == "warning: there is no file theer.txt, so the prompt is this text itself.\n"
