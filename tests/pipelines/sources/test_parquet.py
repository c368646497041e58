"""Parquet: every way that people store texts and media, and every way that a file can be wrong."""

import ast
import gzip
import re
import shutil
import tarfile
from collections.abc import Callable
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.pipelines.sources.base import Reader
from triptych.pipelines.sources.columns import extract
from triptych.schemas.errors import Refusal

from .conftest import Read


def config(path: Path | str, modality: str = "text", **more: Any) -> dict[str, Any]:
    media = {} if modality == "text" else {"image": "image"}
    return {"kind": "parquet", "path": str(path), "modality": modality, "text": "text", **media, **more}


TEXTS = ["one", "zwei", "три", ""]
PICTURES = [b"\x89PNG1", b"", b"\xff\xd8", b"webp"]


@pytest.mark.parametrize(
    "text", [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int32(), pa.string())]
)
@pytest.mark.parametrize(
    "image",
    [pa.binary(), pa.large_binary(), pa.binary_view(), pa.struct({"bytes": pa.binary(), "path": pa.string()})],
)
def test_every_storage_of_texts_and_media_reads_alike(
    tmp_path: Path, read: Callable[..., Read], text: pa.DataType, image: pa.DataType
) -> None:
    pictures = [{"bytes": p, "path": "p.png"} for p in PICTURES] if pa.types.is_struct(image) else PICTURES
    texts = pa.array(TEXTS, pa.string()).cast(text) if not pa.types.is_dictionary(text) else pa.array(TEXTS, text)
    table = pa.table({"text": texts, "image": pa.array(pictures, image), "noise": [1, 2, 3, 4]})
    pq.write_table(table, tmp_path / "a.parquet")
    got = read(**config(tmp_path / "a.parquet", "image-text"))
    assert got.rows == [{"row": n, "text": t, "image": p} for n, (t, p) in enumerate(zip(TEXTS, PICTURES, strict=True))]
    assert not got.drops


def raw_strings(values: list[bytes | None]) -> pa.Array:
    return pa.Array.from_buffers(pa.string(), len(values), pa.array(values, pa.binary()).buffers())


def test_bad_rows_are_dropped_by_reason(tmp_path: Path, read: Callable[..., Read]) -> None:
    texts = raw_strings([b"ok", b"\xff\xfe", None, b"x" * 100, b"y", b"z", b"end"])
    image = pa.array([b"1", b"2", b"3", b"4", None, b"5" * 100, b"7"])
    pq.write_table(pa.table({"text": texts, "image": image}), tmp_path / "a.parquet", row_group_size=2)
    got = read(**config(tmp_path / "*.parquet", "image-text"), row_bytes=50, budget=20)
    assert got.rows == [{"row": 0, "text": "ok", "image": b"1"}, {"row": 6, "text": "end", "image": b"7"}]
    assert got.reasons == {
        1: "utf8_invalid",
        2: "text_missing",
        3: "row_too_large",
        4: "image_missing",
        5: "row_too_large",
    }


def test_alternatives_row_by_row(tmp_path: Path, read: Callable[..., Read]) -> None:
    table = pa.table({"a": pa.array([None, "A", None], pa.large_string()), "b": pa.array(["B", "B", None])})
    pq.write_table(table, tmp_path / "a.parquet")
    got = read(**config(tmp_path / "a.parquet", text="nowhere;a;b"))
    assert got.column("text") == ["B", "A"]
    assert got.reasons == {2: "text_missing"}


def test_units_are_runs_of_row_groups_and_rows_count_in_the_file(
    tmp_path: Path, opened: Callable[..., Reader], read: Callable[..., Read]
) -> None:
    table = pa.table({"text": [f"{n:04d}" * 50 for n in range(1000)], "big": [b"q" * 1000] * 1000})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=50, compression="none", use_dictionary=False)
    spec = config(tmp_path / "a.parquet")
    runs = [(unit.start, unit.stop) for unit in opened(budget=32_000, **spec).units()]
    assert runs[0][0] == 0
    assert runs[-1][1] == 20
    assert all(stop == start for (_, stop), (start, _) in pairwise(runs))
    assert 5 <= len(runs) <= 10
    got = read(budget=32_000, **spec)
    assert got.rows == [{"row": n, "text": f"{n:04d}" * 50} for n in range(1000)]
    assert len(set(got.digests)) == len(runs)
    assert read(**spec).rows == got.rows


def test_digest_is_of_what_is_read_and_of_nothing_else(tmp_path: Path, read: Callable[..., Read]) -> None:
    def digests(name: str, **columns: Any) -> list[str]:
        pq.write_table(pa.table(columns), tmp_path / name, row_group_size=2)
        return read(budget=10, **config(tmp_path / name)).digests

    base = digests("a.parquet", text=["a", "b", "c", "d"], other=[1, 2, 3, 4])
    assert len(base) == 2
    assert digests("b.parquet", text=["a", "b", "c", "d"], other=[5, 6, 7, 8]) == base
    changed = digests("c.parquet", text=["a", "b", "c", "X"], other=[1, 2, 3, 4])
    assert changed[0] == base[0]
    assert changed[1] != base[1]
    shutil.copy(tmp_path / "a.parquet", tmp_path / "moved.parquet")
    assert read(budget=10, **config(tmp_path / "moved.parquet")).digests == base
    assert len(set(digests("d.parquet", text=["a", "b", "a", "b"]))) == 2  # same values, other rows


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "page"])
def test_a_file_that_cannot_be_read_is_one_drop(tmp_path: Path, read: Callable[..., Read], damage: str) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"some text {n}" for n in range(5000)]})
    pq.write_table(table, path, write_page_checksum=True, row_group_size=1000)
    data = bytearray(path.read_bytes())
    if damage == "page":
        data[len(data) // 2] ^= 0xFF
    contents = {"cut": bytes(data[:-100]), "empty": b"", "text": b"hello there", "page": bytes(data)}
    path.write_bytes(contents[damage])
    got = read(**config(path))
    assert got.reasons == {-1: "file_unreadable"}
    assert got.column("text") == [f"some text {n}" for n in range(len(got.rows))]
    assert bool(got.rows) == (damage == "page")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"text": "words"}, ["`sources.src.text` is 'words'", "a.parquet has no such column", "text, image, n"]),
        ({"text": "n"}, ["`sources.src.text` is 'n'", "int64", "strings"]),
        ({"image": "text"}, ["`sources.src.image` is 'text'", "holds string", "bytes"]),
        ({"image": "struct"}, ["`sources.src.image` is 'struct'", "struct<path: string>"]),
    ],
)
def test_a_schema_that_does_not_fit_is_refused(
    tmp_path: Path, opened: Callable[..., Reader], more: dict[str, Any], said: list[str]
) -> None:
    columns = {"text": ["a"], "image": [b"b"], "n": [1], "struct": pa.array([{"path": "p"}])}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(Refusal) as refused:
        opened(**config(tmp_path / "a.parquet", "image-text", **more)).units()
    assert all(part in str(refused.value) for part in said)


def test_memory_url_and_empty_table(tmp_path: Path, read: Callable[..., Read]) -> None:
    with fsspec.open("memory://parquet/a.parquet", "wb") as file:
        pq.write_table(pa.table({"text": ["hello"]}), file)
    assert read(**config("memory://parquet/*.parquet")).column("text") == ["hello"]
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "none.parquet")
    assert (read(**config(tmp_path / "none.parquet")).rows, read(**config(tmp_path / "none.parquet")).drops) == ([], [])


maybe = st.none() | st.binary(max_size=6)


@settings(deadline=None)
@given(st.lists(st.tuples(maybe, maybe, maybe), max_size=20), st.integers(0, 9))
def test_every_row_is_kept_or_dropped(rows: list[tuple[bytes | None, ...]], longest: int) -> None:
    table = pa.table(
        {name: pa.array([row[n] for row in rows], pa.binary()) for n, name in enumerate(("a", "b", "image"))}
    )
    columns = {"text": ("a", "b"), "image": ("image",)}
    (batch,) = extract(table, columns, 100, longest)
    kept, reasons = [], {}
    for n, (a, b, image) in enumerate(rows, 100):
        text = a if a is not None else b
        if text is None:
            reasons[n] = "text_missing"
        elif len(text) > longest:
            reasons[n] = "row_too_large"
        elif image is None:
            reasons[n] = "image_missing"
        elif len(image) > longest:
            reasons[n] = "row_too_large"
        elif text.decode(errors="ignore").encode() != text:
            reasons[n] = "utf8_invalid"
        else:
            kept.append({"row": n, "text": text.decode(), "image": image})
    assert batch.table.to_pylist() == kept
    assert {drop.row: drop.reason for drop in batch.drops} == reasons


def test_a_row_group_of_200_mb_is_read_in_bounded_memory(
    tmp_path: Path, growth: Callable[..., tuple[str, int]]
) -> None:
    for name, count in (("small", 3), ("large", 40)):
        schema = pa.schema([("text", pa.string()), ("image", pa.binary())])
        with pq.ParquetWriter(tmp_path / name, schema, compression="none", use_dictionary=False) as writer:
            pictures = pa.chunked_array([pa.array([bytes(50_000)] * 100)] * count)
            texts = ["t"] * len(pictures)
            writer.write_table(pa.table({"text": texts, "image": pictures}, schema=schema), row_group_size=10_000)
    found, grown = growth(*(config(tmp_path / name, "image-text") for name in ("small", "large")))
    assert list(chain(*(rows for rows, _ in ast.literal_eval(found)))) == list(range(4000))
    assert grown < 64


def test_two_columns_of_one_name_are_refused_if_they_are_used(
    tmp_path: Path, opened: Callable[..., Reader], read: Callable[..., Read]
) -> None:
    values = [pa.array(["a"]), pa.array(["b"]), pa.array(["c"])]
    pq.write_table(pa.Table.from_arrays(values, ["text", "n", "text"]), tmp_path / "a.parquet")
    with pytest.raises(Refusal, match=r"a.parquet has two columns named 'text'. Rename one of them."):
        opened(**config(tmp_path / "a.parquet")).units()
    pq.write_table(pa.Table.from_arrays(values, ["n", "n", "text"]), tmp_path / "b.parquet")
    assert read(**config(tmp_path / "b.parquet")).column("text") == ["c"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1], "holds whole numbers (int64), but must hold strings"),
        ([1.5], "holds numbers (double)"),
        ([["a"]], "holds lists (list<"),
        ([{"a": 1}], "holds structs (struct<a: int64>)"),
        ([True], "holds true and false (bool)"),
    ],
)
def test_texts_of_other_types_are_refused_in_words(
    tmp_path: Path, opened: Callable[..., Reader], values: list[Any], said: str
) -> None:
    pq.write_table(pa.table({"text": values}), tmp_path / "a.parquet")
    with pytest.raises(Refusal, match=re.escape(said)):
        opened(**config(tmp_path / "a.parquet")).units()


def test_a_file_of_another_format_is_refused_by_name(tmp_path: Path, opened: Callable[..., Reader]) -> None:
    (tmp_path / "a.parquet").write_bytes(b'{"text": "a"}\n')
    with pytest.raises(Refusal, match=r"a.parquet is JSON. Use `kind: jsonl`."):
        opened(**config(tmp_path / "a.parquet")).units()
    with tarfile.open(tmp_path / "a.parquet", "w") as tar:
        tar.addfile(tarfile.TarInfo("a.txt"))
    with pytest.raises(Refusal, match=r"a.parquet is a tar. Use `kind: webdataset`"):
        opened(**config(tmp_path / "a.parquet")).units()


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"])
def test_texts_are_read_in_every_encoding(tmp_path: Path, read: Callable[..., Read], encoding: str) -> None:
    texts = [f"https://example.org/{n}" for n in range(10)]
    table = pa.table({"text": texts[:6]})
    with pq.ParquetWriter(
        tmp_path / "a.parquet", table.schema, use_dictionary=False, column_encoding=encoding, data_page_version="2.0"
    ) as writer:
        writer.write_table(table, row_group_size=3)
    pq.write_table(pa.table({"text": texts[6:]}), tmp_path / "b.parquet")
    got = read(**config(tmp_path / "*.parquet"))
    assert [row["text"] for row in got.rows] == texts
    assert not got.drops


def test_values_that_share_their_beginnings_are_dropped_before_they_fill_the_memory(
    tmp_path: Path, read: Callable[..., Read]
) -> None:
    pq.write_table(
        pa.table({"text": ["x" * 100_000] * 12_000}),
        tmp_path / "a.parquet",
        use_dictionary=False,
        column_encoding="DELTA_BYTE_ARRAY",
        compression="none",
        write_statistics=False,
    )
    got = read(**config(tmp_path / "a.parquet"))
    assert [drop.reason for drop in got.drops] == ["file_unreadable"]
    assert "12000 values" in got.drops[0].detail


def test_a_parquet_file_that_was_compressed_as_a_whole_is_refused(tmp_path: Path, read: Callable[..., Read]) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    with pytest.raises(Refusal, match="compressed as a whole"):
        read(**config(tmp_path / "a.parquet.gz"))
