"""The fields of a source are taken from the columns that exist; a row that fails one of them has its first reason."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from triptych.pipelines.sources.base import Drop
from triptych.pipelines.sources.columns import extract, present_columns
from triptych.schemas.config.sources import Source
from triptych.schemas.errors import Refusal


def source(**fields: str) -> Any:
    tree = {"name": "src", "kind": "parquet", "path": "a", **fields}
    return TypeAdapter[Any](Source).validate_python(tree)


def test_columns_are_those_that_exist_in_the_order_of_preference() -> None:
    media = pa.struct([("bytes", pa.large_binary()), ("path", pa.string())])
    schema = pa.schema([("b", pa.string()), ("c", pa.large_string()), ("a", pa.binary()), ("picture", media)])
    found = present_columns(schema, source(text="a;missing;c;b", image="jpg;picture"), "t.parquet")
    assert found == {"text": ("a", "c", "b"), "image": ("picture",)}
    with pytest.raises(Refusal, match=r"`sources.src.text` is 'x;y': t.parquet has no such column. Use one of: b, c"):
        present_columns(schema, source(text="x;y"), "t.parquet")
    with pytest.raises(Refusal, match=r"holds string, but must hold bytes, or structs with a `bytes` field"):
        present_columns(schema, source(text="a", image="b"), "t.parquet")
    with pytest.raises(Refusal, match=r"in t.parquet that column holds struct.*, but must hold strings"):
        present_columns(schema, source(text="picture"), "t.parquet")


def test_the_first_column_that_is_not_null_is_taken_for_each_row() -> None:
    rows = pa.table(
        {
            "a": [None, "a1", None, "a3"],
            "b": ["b0", "b1", None, "b3"],
            "m": pa.array(
                [{"bytes": b"0"}, {"bytes": b"1"}, {"bytes": b"2"}, None], pa.struct([("bytes", pa.binary())])
            ),
        }
    )
    (batch,) = extract(rows, {"text": ("a", "b"), "image": ("m",)}, first=10, longest=100)
    assert batch.table.to_pydict() == {"row": [10, 11], "text": ["b0", "a1"], "image": [b"0", b"1"]}
    assert batch.drops == [Drop(12, "text_missing"), Drop(13, "image_missing")]
    assert [str(field.type) for field in batch.table.schema] == ["int64", "string", "binary"]


def test_each_bad_row_has_one_reason_and_a_licence_never_fails_but_by_its_size() -> None:
    texts = [b"good", b"\xff", None, b"123456", b"12345", b"late", b"done"]
    licenses = [None, None, None, None, b"\xfe", b"123456", b"MIT"]
    rows = pa.table({"text": pa.array(texts, pa.binary()), "license": pa.array(licenses, pa.binary())})
    failed = np.array([""] * 6 + ["before"], object)
    (batch,) = extract(rows, {"text": ("text",), "license": ("license",)}, 0, 5, failed)
    assert [(drop.row, drop.reason) for drop in batch.drops] == [
        (1, "utf8_invalid"),
        (2, "text_missing"),
        (3, "row_too_large"),
        (5, "row_too_large"),
        (6, "before"),
    ]
    assert batch.table.to_pydict() == {"row": [0, 4], "text": ["good", "12345"], "license": [None, "\\xfe"]}


def test_a_table_too_large_for_a_cast_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.pipelines.sources.columns.CAST_BYTES", 120)
    texts = [None if i == 7 else f"text {i:04d}" for i in range(20)]
    batches = list(extract(pa.table({"text": texts}), {"text": ("text",)}, 0, 100))
    assert len(batches) > 2
    assert [text for batch in batches for text in batch.table["text"].to_pylist()] == texts[:7] + texts[8:]
    assert [drop for batch in batches for drop in batch.drops] == [Drop(7, "text_missing")]
