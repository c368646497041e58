"""Files of prompts: each line is a prompt as it stands, or the file is refused."""

import codecs
from pathlib import Path

import pytest

from triptych.cli.sample_prompts import lines_of
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
