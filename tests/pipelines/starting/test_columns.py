"""Which columns are chosen, by their names and first values."""

from typing import Any

import pytest

from triptych.pipelines.starting.columns import license_column, media_columns, media_of, text_column


@pytest.mark.parametrize(
    ("columns", "name", "many"),
    [
        ({"id": ["1"], "text": ["a b"]}, "text", False),
        ({"title": ["a title"], "body": ["a long body of words"]}, "body", False),
        ({"headline": ["a b c d e f"], "notes": ["a much longer run of words"]}, "notes", False),
        ({"url": ["https://example.org/a"], "caption": ["a red circle"]}, "caption", False),
        ({"file": ["a.jpg", "b.jpg"], "words": ["a red circle", "two"]}, "words", False),
        ({"captions": [["one", "two"]]}, "captions", True),
        ({"captions": [[], [None, "two"]]}, "captions", True),
        ({"captions": [["one", 2]], "body": ["a b c"]}, "body", False),
        ({"captions": [[{"raw": "one"}, "two"]], "body": ["a b c"]}, "body", False),
        ({"sentences": [[{"raw": "one"}, {"raw": "two"}]]}, "sentences[].raw", True),
        ({"messages": [[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]]}, None, False),
    ],
)
def test_the_column_of_texts(columns: dict[str, list[Any]], name: str | None, many: bool) -> None:
    found = text_column(columns)
    assert found is not None
    assert found.name == (name or "messages[role=assistant].content")
    assert found.many is many


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"id": [1, 2]},
        {"url": ["https://example.org"]},
        {"text": [None, None]},
        {"sha256": ["0f" * 32]},
        {"date": ["2024-02-20T00:00:00Z"]},
        {"x": ["en"]},
    ],
)
def test_no_column_of_texts(columns: dict[str, list[Any]]) -> None:
    assert text_column(columns) is None


def test_columns_that_hold_media_are_told_by_first_bytes(makers: Any) -> None:
    columns = {
        "a": [None, {"bytes": makers.picture(1), "path": None}],
        "b": [makers.clip(1)],
        "c": [b"\x00\x01"],
        "d": ["text"],
    }
    assert media_columns(columns) == {"image": "a", "audio": "b"}
    assert media_of(makers.clip(1, file_format="WAV")) == "audio"
    assert media_of(b"RIFF\0\0\0\0WEBP") == "image"
    assert media_of(b"\0\0\0\x20ftypM4A ") == "audio"
    assert media_of(b"plain text") is None


def test_the_column_of_the_licence() -> None:
    assert license_column({"text": [], "License": []}) == "License"
    assert license_column({"text": []}) is None
