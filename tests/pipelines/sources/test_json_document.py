"""Files of kind jsonl that are one JSON document are refused with the way out; JSON lines never are."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.errors import Refusal

from .conftest import Read

ROWS = [{"text": f"text {n}", "tags": ["a", {"b": n}]} for n in range(3)]
MANY = [{"text": "long " * 100 + str(n)} for n in range(2000)]


def source(path: Path) -> dict[str, Any]:
    return {"kind": "jsonl", "path": str(path), "modality": "text", "text": "text"}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps(ROWS) + "\n\n",
        json.dumps(ROWS, indent=2),
        "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
        "\n [" + ",\n".join(map(json.dumps, ROWS)) + "]",
        '[\r\n  {\r\n    "text": "x"\r\n  }\r\n]\r\n',
        json.dumps(["a", "b"]),
        json.dumps(MANY),
        json.dumps(MANY, indent=1),
        json.dumps([{"text": "x" * 200_000}]),
        "[]",
        json.dumps([{"text": "x"}], indent=2)[:-1],
    ],
)
def test_a_list_is_refused_with_the_way_out(tmp_path: Path, opened: Callable[..., Any], content: str) -> None:
    (tmp_path / "a.jsonl").write_text(content, newline="")
    with pytest.raises(Refusal) as refused:
        opened(**source(tmp_path / "a.jsonl")).units()
    for words in ("is one JSON list", "kind: folder", "table: a.jsonl", "records: KEY", "jq -c '.[]'"):
        assert words in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"data": ROWS}, indent=2),
        json.dumps({"data": MANY}, indent=2),
        "\n".join(json.dumps(row, indent=2) for row in ROWS),
    ],
)
def test_an_object_over_several_lines_is_refused(tmp_path: Path, opened: Callable[..., Any], content: str) -> None:
    for data, name in ((content.encode(), "a.json"), (gzip.compress(content.encode("utf-16")), "a.json.gz")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Refusal, match=r"first object takes several lines.*jq -c \."):
            opened(**source(tmp_path / name)).units()


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ('["an", "array"]', "json_invalid"),
        ("[1, 2", "json_invalid"),
        ("[", "json_invalid"),
        ("{", "json_invalid"),
        ('[{"text": "cut', "json_invalid"),
        ('{"text": "cut', "json_invalid"),
        ('{"text":', "json_invalid"),
        ('{"text": "x"} and more', "json_invalid"),
        ("[" * 5000, "json_invalid"),
    ],
)
def test_a_bad_first_line_costs_that_line(tmp_path: Path, read: Callable[..., Read], first: str, reason: str) -> None:
    lines = [first, '{"text": "one"}', '{"text": "two"}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    got = read(**source(tmp_path / "a.jsonl"))
    assert got.column("text") == ["one", "two"]
    assert got.reasons == {0: reason}
