"""Lines of benchmark files: what a string may hold, and what is refused by file and line."""

import json
import zipfile
from pathlib import Path

import pytest

from triptych.schemas.errors import Refusal
from triptych.train.evaluate.likelihood.benchmark_files import arc, blimp, lambada, running_text

GOOD = json.dumps({"text": "The dog sees the house"})


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x1e", "\x0b"])
def test_separators_within_a_string_are_part_of_it(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "lambada_test.jsonl"
    escaped = json.dumps(separator) if separator < " " else f'"{separator}"'
    file.write_text(f'{{"text": "The dog{escaped[1:-1]}sees the house"}}\r\n\n{GOOD}', encoding="utf-8-sig", newline="")
    assert lambada(file) == [(f"The dog{separator}sees the", " house"), ("The dog sees the", " house")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"text": "Hello"}', "no word before the last"),
        ('{"text": " Hello"}', "no word before the last"),
        ('{"text": "The dog "}', "ends with a blank"),
        ('{"text": 3}', "is not a text"),
        ('{"other": "a b"}', "has no 'text'"),
        ('["a b"]', "not a JSON object"),
        ('{"text": "a b"', "line 2"),
        ('{"text": "a \\ud800b"}', "surrogate"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "lambada_test.jsonl"
    file.write_text(f"{GOOD}\n{line}\n{GOOD}\n")
    with pytest.raises(Refusal, match=r"lambada_test.jsonl, line 2") as refused:
        lambada(file)
    assert why in str(refused.value)


def test_a_question_without_its_answer_is_named(tmp_path: Path) -> None:
    file = tmp_path / "arc_easy_test.jsonl"
    choices = {"text": ["a", "b"], "label": ["A", "B"]}
    file.write_text(json.dumps({"question": "which?", "choices": choices, "answerKey": "C"}) + "\n")
    with pytest.raises(Refusal, match="line 1: cannot be used, `answerKey` 'C'"):
        arc(file)


def test_empty_and_damaged_files_are_refused(tmp_path: Path) -> None:
    for name, read in (("a.jsonl", lambada), ("b.jsonl", arc), ("c.txt", running_text), ("d.zip", blimp)):
        (tmp_path / name).write_text("")
        with pytest.raises(Refusal, match=name):
            read(tmp_path / name)
    (tmp_path / "latin.txt").write_bytes(b"a\nb \xe9 c")
    with pytest.raises(Refusal, match="line 2: is not UTF-8"):
        running_text(tmp_path / "latin.txt")
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.writestr("data/one.jsonl", "{}\n")
    with pytest.raises(Refusal, match=r"e.zip, data/one.jsonl, line 1"):
        blimp(tmp_path / "e.zip")


def test_a_text_is_read_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\r\nb\rc\n")
    assert running_text(tmp_path / "a.txt") == "a\r\nb\rc\n"
