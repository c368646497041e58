"""The text of a run file: values that YAML reads as they were, and comments for each key."""

from typing import Any

import pytest
import yaml

from triptych.pipelines.starting.guessed import Guess
from triptych.pipelines.starting.run_file import KEYS, WIDTH, run_file, source_names
from triptych.pipelines.starting.sizes import Sizes


def sizes(*modalities: str) -> Sizes:
    return Sizes(frozenset(modalities), 4096, "Longer texts are divided.", 8000, "There is about 1.0 MB of text.")


def guess_of(label: str = "data", **keys: Any) -> Guess:
    return Guess({"kind": "folder", "path": "p", **keys}, ("a reason " * 40,), frozenset(), label, ("a hint",))


@pytest.mark.parametrize("value", ["a: b", "# no comment", "1e3", "yes", "null", "*.txt", "é\n\"'", "a/b-c.d", " x "])
def test_values_are_read_as_they_were(value: str) -> None:
    text = run_file("set", [guess_of(table=value, columns=[value, "b"])], sizes("text"), "triptych init", "run.yaml")
    (source,) = yaml.safe_load(text)["sources"]
    assert (source["table"], source["columns"]) == (value, [value, "b"])


def test_every_key_has_its_comment_and_no_line_is_too_long() -> None:
    text = run_file("set", [guess_of(delimiter="|", text="t")], sizes("text", "audio"), "triptych init", "a b.yaml")
    lines = text.splitlines()
    for key in ("delimiter", "text"):
        at = next(number for number, line in enumerate(lines) if line.startswith(f"    {key}:"))
        assert lines[at - 1] == f"    # {KEYS[key]}"
    assert "  # A hint." in lines
    assert max(map(len, lines)) <= WIDTH + 2
    assert "triptych prepare 'a b.yaml' --check" in text
    assert set(yaml.safe_load(text)["tokenizers"]) == {"text", "audio"}


def test_extensions_are_not_called_columns() -> None:
    text = run_file("set", [guess_of(pair_by="name", image="png")], sizes("text", "image"), "c", "f")
    assert "# Extension of the image\n    image: png" in text


def test_equal_names_of_sources_are_numbered() -> None:
    labels = ["x/data", "y/data", "data.csv", "data-2", "…"]
    assert source_names([guess_of(label) for label in labels]) == ["data", "data-2", "data-3", "data-2-2", "data-4"]
