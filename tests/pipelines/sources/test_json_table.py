"""Tables in JSON: lists, lists in an object, and two of them joined."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.sources import json_table
from triptych.pipelines.sources.base import Reader
from triptych.schemas.errors import Refusal

from .conftest import Read

IMAGES = [{"id": n, "file": f"{n}.png", "license": f"L{n}"} for n in (1, 2, 3)]
NOTES = [
    {"id": 10, "image_id": 2, "text": "two"},
    {"id": 11, "image_id": 9, "text": "of no image"},
    {"id": 12, "image_id": 1, "text": "one"},
    {"id": 13, "image_id": 2, "text": None},
    {"id": 14, "image_id": 2, "text": "two again"},
    {"id": 15, "text": "without a key"},
]
JOIN = {"table": "images", "on": "image_id = id"}
JOINED = {"records": "notes", "join": JOIN}


def config(folder: Path, tree: Any, **more: Any) -> dict[str, Any]:
    for n in (1, 2, 3):
        (folder / f"{n}.png").write_bytes(b"p" * n)
    (folder / "t.json").write_text(tree if isinstance(tree, str) else json.dumps(tree))
    spec = {"kind": "folder", "path": str(folder), "table": "t.json", "modality": "image-text"}
    return spec | {"image": "file", "text": "text"} | more


def test_a_list_is_a_table(tmp_path: Path, read: Callable[..., Read]) -> None:
    items = [
        {"file": "1.png", "text": "one"},
        7,
        {"file": "2.png", "text": "w" * 99},
        {"file": "3.png", "text": "three"},
    ]
    got = read(row_bytes=60, budget=10, **config(tmp_path, items))
    assert got.rows == [{"row": 0, "text": "one", "image": b"p"}, {"row": 3, "text": "three", "image": b"ppp"}]
    assert got.reasons == {1: "json_invalid", 2: "row_too_large"}
    got = read(**config(tmp_path, json.dumps(items[:1], indent=2)[:-2] + ', {"file": "2'))
    assert got.column("row") == [0]
    assert got.reasons == {-1: "file_truncated"}


def test_records_are_joined_with_their_images(tmp_path: Path, read: Callable[..., Read]) -> None:
    keys = {"records": "notes", "join": JOIN, "license": "license"}
    got = read(**config(tmp_path, {"notes": NOTES, "images": IMAGES}, **keys))
    assert got.rows == [
        {"row": 0, "text": "two", "image": b"pp", "license": "L2"},
        {"row": 2, "text": "one", "image": b"p", "license": "L1"},
        {"row": 4, "text": "two again", "image": b"pp", "license": "L2"},
    ]
    assert got.reasons == {1: "join_missing", 3: "text_missing", 5: "join_missing"}


def test_texts_of_one_image_are_one_list(tmp_path: Path, opened: Callable[..., Reader]) -> None:
    keys = {"records": "notes", "join": JOIN, "text_from": "each"}
    reader = opened(**config(tmp_path, {"images": IMAGES, "notes": NOTES}, **keys))
    batches = [batch for unit in reader.units() for batch in reader.read(unit)]
    rows = [row for batch in batches for row in batch.table.to_pylist()]
    assert [(row["row"], row["text"]) for row in rows] == [(0, ["two", "two again"]), (2, ["one"])]
    drops = {drop.row: drop.reason for batch in batches for drop in batch.drops}
    assert drops == {1: "join_missing", 3: "text_missing", 5: "join_missing"}


@pytest.mark.parametrize(
    ("tree", "keys", "message"),
    [
        ({"notes": NOTES, "images": IMAGES}, {}, "Name the list of its records with `records:`.*: notes, images"),
        ({"notes": NOTES}, {"records": "note"}, "has no such list. Use one of: notes"),
        ({"notes": NOTES}, JOINED, "`sources.src.join.table` is 'images'"),
        (
            {"notes": NOTES, "images": IMAGES * 2},
            {"records": "notes", "join": JOIN},
            "two records of images have id = 1",
        ),
        ([{"file": "1.png", "text": "a"}], {"records": "notes"}, "Remove `records:` if the file itself is the list"),
        (json.dumps({"notes": NOTES}, indent=1), {}, "neither JSON lines nor a JSON list.*: notes"),
        ([{"file": "https://example.org/1.png", "text": "a"}], {}, "holds addresses"),
    ],
)
def test_what_cannot_be_a_table_is_refused(
    tree: Any, keys: dict[str, Any], message: str, tmp_path: Path, opened: Callable[..., Reader]
) -> None:
    with pytest.raises(Refusal, match=message):
        opened(**config(tmp_path, tree, **keys)).units()


def test_a_joined_table_beyond_memory_is_refused(
    tmp_path: Path, opened: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_table, "HELD_BYTES", 100)
    keys = {"records": "notes", "join": JOIN}
    with pytest.raises(Refusal, match="too large to be joined"):
        opened(**config(tmp_path, {"notes": NOTES, "images": IMAGES}, **keys)).units()
