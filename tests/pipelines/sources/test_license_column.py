"""A licence is carried along by every reader; where there is none, or none that can be read, it is null."""

import json
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.schemas.errors import Refusal

LINES = [
    {"text": "a", "license": "MIT"},
    {"text": "b", "license": None},
    {"text": "c"},
    {"text": "d", "license": ["MIT", "CC0"]},
    {"text": "e", "terms": "CC BY 4.0"},
    {"text": "f", "license": "\ud800"},
]
WANTED = ["MIT", None, None, '["MIT", "CC0"]', "CC BY 4.0", "\\ud800"]


@pytest.mark.parametrize("count", [3, len(LINES)])
def test_jsonl_on_either_way(tmp_path: Path, read: Any, count: int) -> None:
    # the first three are for Arrow's parser, the others are not
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES[:count]))
    path = str(tmp_path / "a.jsonl")
    got = read(kind="jsonl", path=path, modality="text", text="text", license="license;terms")
    assert got.column("license") == WANTED[:count]
    assert not got.drops


def test_folder(tmp_path: Path, read: Any, opened: Any) -> None:
    rows = b"file_name,text,license\na.png,a,MIT\na.png,b,\na.png,c,\xff\n"
    (tmp_path / "metadata.csv").write_bytes(rows)
    (tmp_path / "a.png").write_bytes(b"picture")
    source = {"kind": "folder", "path": str(tmp_path), "modality": "image-text", "image": "file_name", "text": "text"}
    got = read(**source, license="license")
    assert got.column("license") == ["MIT", "", "\\udcff"]
    assert read(**source).digests != got.digests
    with pytest.raises(Refusal, match=r"`sources.src.license` is 'terms': metadata.csv has no such column"):
        opened(**source, license="terms").units()


def test_webdataset(tmp_path: Path, read: Any) -> None:
    samples: list[dict[str, bytes]] = [
        {"json": b'{"license": "MIT"}'},
        {"json": b'{"license": null}', "lic": b"CC0 \xff"},
        {"json": b"{broken"},
        {},
    ]
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for number, sample in enumerate(samples):
            for ending, data in ({"txt": b"text", "png": b"picture"} | sample).items():
                info = tarfile.TarInfo(f"{number}.{ending}")
                info.size = len(data)
                tar.addfile(info, BytesIO(data))
    source = {"kind": "webdataset", "path": str(tmp_path / "a.tar"), "modality": "image-text", "image": "png"}
    for license_ in ("json.license;lic", "lic;license"):
        got = read(**source, text="txt", license=license_)
        assert got.column("license") == ["MIT", "CC0 \\xff", None, None]
        assert not got.drops


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet_and_datasets(tmp_path: Path, read: Any, kind: pa.DataType) -> None:
    licences = pa.array(["MIT", None, "CC0"]).cast(kind)
    pq.write_table(pa.table({"text": ["a", "b", "c"], "license": licences}), tmp_path / "a.parquet")
    path = str(tmp_path / "a.parquet")
    for source in ({"kind": "parquet", "path": path}, {"kind": "datasets", "path": "parquet", "data_files": path}):
        without = read(**source, modality="text", text="text")
        got = read(**source, modality="text", text="text", license="license")
        assert got.column("license") == ["MIT", None, "CC0"]
        assert got.digests != without.digests


def test_parquet_that_holds_no_licence(tmp_path: Path, read: Any, opened: Any) -> None:
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    day = pa.array([1], pa.date32())
    pq.write_table(pa.table({"text": ["a"], "license": bad, "day": day}), tmp_path / "a.parquet")
    source = {"kind": "parquet", "path": str(tmp_path / "a.parquet"), "modality": "text", "text": "text"}
    assert read(**source, license="license").column("license") == ["\\xff"]
    with pytest.raises(Refusal, match=r"`sources.src.license` is 'day'.*holds dates \(date32.*but must hold strings"):
        opened(**source, license="day").units()
    with pytest.raises(Refusal, match=r"`sources.src.license` is 'terms': a.parquet has no such column"):
        opened(**source, license="terms").units()


VALUES = [["MIT", "CC0"], [], None, ["é", None]]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (VALUES, pa.list_(pa.string())),
        (VALUES, pa.large_list(pa.large_string())),
        ([[["MIT"]], None], pa.list_(pa.list_(pa.string()))),
        ([{"name": "MIT", "version": 2}, None, {"name": None, "version": 1}], None),
        ([3, None], pa.int64()),
        ([True, None], None),
    ],
)
def test_a_licence_that_is_no_string_is_json_in_every_reader(
    tmp_path: Path, read: Any, values: list[Any], kind: pa.DataType | None
) -> None:
    table = pa.table({"text": ["a"] * len(values), "license": pa.array(values, kind)})
    pq.write_table(table, tmp_path / "a.parquet")
    lines = [json.dumps({"text": "a", "license": value}) + "\n" for value in values]
    (tmp_path / "a.jsonl").write_text("".join(lines))
    path = str(tmp_path / "a.parquet")
    sources = (
        {"kind": "parquet", "path": path},
        {"kind": "datasets", "path": "parquet", "data_files": path},
        {"kind": "jsonl", "path": str(tmp_path / "a.jsonl")},
    )
    wanted = [None if value is None else json.dumps(value) for value in values]
    for source in sources:
        got = read(**source, modality="text", text="text", license="license")
        assert got.column("license") == wanted, source["kind"]
