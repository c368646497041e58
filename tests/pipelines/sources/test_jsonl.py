"""JSON lines: nothing that is in a file goes missing, whatever its encoding, compression or damage."""

import gzip
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.schemas.errors import Refusal

from .conftest import Read
from .json_lines import config, lines_of


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(data, asbytes=True)
    return packed


BAD = [
    (b'{"text":"fine"}', None),
    (b"", None),
    (b"  \t", None),
    (b'{"text":null}', "text_missing"),
    (b'{"other":"x"}', "text_missing"),
    (b'{"text":5}', "text_not_string"),
    (b'{"text":["a"]}', "text_not_string"),
    (b"[1]", "json_invalid"),
    (b'{"text":"a"', "json_invalid"),
    (b'{"text":"a"}{"text":"b"}', "json_invalid"),
    (b'{"text":"a\tb"}', "json_invalid"),
    (b"[" * 100_000, "json_invalid"),
    (b'{"text":"\\ud800"}', "utf8_invalid"),
    (b'{"text":"\xff"}', "utf8_invalid"),
    (b'{"text":"ok","other":"\xff"}', "utf8_invalid"),
    (b'{"text":"' + b"x" * 200_000 + b'"}', "row_too_large"),
    (b'{"text":""}', None),
    (b'{"text":" "}', None),
]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("ending", [True, False])
def test_every_bad_line_has_its_reason_and_every_good_one_is_read(
    tmp_path: Path, read: Callable[..., Read], newline: bytes, ending: bool
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(newline.join(line for line, _ in BAD) + newline * ending)
    got = read(**config(path), row_bytes=150_000)
    assert got.reasons == {n: reason for n, (_, reason) in enumerate(BAD) if reason}
    assert got.rows == [{"row": 0, "text": "fine"}, {"row": 16, "text": ""}, {"row": 17, "text": " "}]


def test_alternatives_take_the_first_that_is_there_and_not_null(tmp_path: Path, read: Callable[..., Read]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"b":"B"}\n{"a":null,"b":"B"}\n{"a":"A","b":"B"}\n')
    assert read(**config(path, text="a; b")).column("text") == ["B", "B", "A"]
    path.write_text('{"a":null,"b":null}\n{"a":7,"b":"B"}\n')
    assert read(**config(path, text="a;b")).reasons == {0: "text_missing", 1: "text_not_string"}


def test_byte_order_mark_and_memory_url(read: Callable[..., Read]) -> None:
    fsspec.filesystem("memory").pipe_file("/jsonl/a.jsonl", b'\xef\xbb\xbf{"text":"caf\xc3\xa9"}\n')
    got = read(**config("memory://jsonl/*.jsonl"))
    assert got.rows == [{"row": 0, "text": "café"}]
    assert got.labels == ["a.jsonl"]


@pytest.mark.parametrize("budget", [1024, 100_000, 32 << 20])
def test_many_blocks_and_every_compression_read_alike(tmp_path: Path, read: Callable[..., Read], budget: int) -> None:
    data = lines_of(15_000)  # more than one block
    half = data.index(b"\n", len(data) // 2) + 1
    files = {
        "plain.jsonl": data,
        "one.jsonl.gz": gzip.compress(data),
        "two.jsonl.gz": gzip.compress(data[:half]) + gzip.compress(data[half:]),
        "two.jsonl.zst": zstd(data[:half]) + zstd(data[half:]),
    }
    expected = [{"row": n, "text": f"line {n} " * (n % 97)} for n in range(15_000)]
    for name, content in files.items() if budget > 1024 else [("plain.jsonl", data)]:
        (tmp_path / name).write_bytes(content)
        got = read(**config(tmp_path / name), budget=budget)
        assert got.rows == expected
        assert not got.drops


@pytest.mark.parametrize("ending", ["gz", "zst"])
@pytest.mark.parametrize("keep", [0.0, 0.001, 0.5, 0.9, 0.9999])
def test_rows_before_a_truncation_are_kept_to_the_last(
    tmp_path: Path, read: Callable[..., Read], ending: str, keep: float
) -> None:
    data = lines_of(10_000)
    packed = gzip.compress(data) if ending == "gz" else zstd(data)
    path = tmp_path / f"cut.jsonl.{ending}"
    cut = packed[: int(len(packed) * keep)]
    path.write_bytes(cut)
    got = read(**config(path))
    if not cut:
        assert (got.rows, got.drops) == ([], [])  # an empty file, nothing was lost
        return
    assert got.reasons == {-1: "file_truncated"}
    assert got.column("row") == list(range(len(got.rows)))
    if ending == "gz":  # what Python's own decoder makes of the same bytes, in whole lines
        import zlib

        assert len(got.rows) == zlib.decompressobj(31).decompress(cut).count(b"\n")
    if keep >= 0.5:
        assert len(got.rows) > 0.3 * 10_000


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_corruption_is_reported_and_not_taken_for_the_end(
    tmp_path: Path, read: Callable[..., Read], ending: str
) -> None:
    data = lines_of(10_000)
    packed = bytearray(gzip.compress(data) if ending == "gz" else zstd(data))
    packed[len(packed) // 2] ^= 0xFF
    path = tmp_path / f"corrupt.jsonl.{ending}"
    path.write_bytes(packed)
    got = read(**config(path))
    assert got.reasons[-1] == "file_truncated"
    path.write_bytes(bytes([packed[0] ^ 1]) + packed[1:])
    assert read(**config(path)).reasons == {-1: "file_truncated"}
    path.write_bytes(b"no archive at all")  # as many downloads, it was decompressed under its name
    assert read(**config(path)).reasons == {0: "json_invalid"}


def test_digest_follows_the_content_and_not_the_path(tmp_path: Path, read: Callable[..., Read]) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/x.jsonl", "y.jsonl"):
        (tmp_path / name).write_bytes(lines_of(3))
    (tmp_path / "z.jsonl").write_bytes(lines_of(4))
    a, y, z = (read(**config(tmp_path / name)).digests for name in ("a/x.jsonl", "y.jsonl", "z.jsonl"))
    assert a == y != z


def test_files_of_other_formats_are_refused_by_name(tmp_path: Path, opened: Callable[..., Any]) -> None:
    table = pa.table({"text": ["a"]})
    pq.write_table(table, tmp_path / "parquet.jsonl")
    with pa.ipc.new_file(tmp_path / "arrow.jsonl", table.schema) as arrow:
        arrow.write_table(table)
    with pa.ipc.new_stream(tmp_path / "stream.jsonl", table.schema) as stream:
        stream.write_table(table)
    with tarfile.open(tmp_path / "tar.jsonl.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a.txt"))
    with zipfile.ZipFile(tmp_path / "zip.jsonl", "w") as packed:
        packed.writestr("a.jsonl", "{}")
    (tmp_path / "utf16.jsonl").write_bytes('{"text":"hello"}'.encode("utf-16-le"))
    for name, said in {
        "parquet.jsonl": "parquet.jsonl is a Parquet file. Use `kind: parquet`.",
        "arrow.jsonl": "is an Arrow file. Use `kind: datasets` with `path: arrow`",
        "stream.jsonl": "is an Arrow file",
        "tar.jsonl.gz": "is a tar. Use `kind: webdataset`",
        "zip.jsonl": "is a zip file",
        "utf16.jsonl": "is UTF-16 without a byte order mark",
    }.items():
        with pytest.raises(Refusal, match=re.escape(said)):
            opened(**config(tmp_path / name)).units()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_other_encodings_are_read_by_their_mark(tmp_path: Path, read: Callable[..., Read], encoding: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"text":"é"}\r\n\n{"text":"日本"}'.encode(encoding))
    assert read(**config(path)).rows == [{"row": 0, "text": "é"}, {"row": 2, "text": "日本"}]
    path.write_bytes('{"text":"é"}\r{"text":\r"日本"}\r'.encode(encoding))  # return alone, also as white space
    assert read(**config(path)).reasons == {1: "json_invalid", 2: "json_invalid"}


def test_a_line_of_200_mb_is_passed_over_without_being_held(
    tmp_path: Path, growth: Callable[..., tuple[str, int]]
) -> None:
    small, large = tmp_path / "small.jsonl", tmp_path / "large.jsonl"
    small.write_bytes(lines_of(15_000))
    with large.open("wb") as file:
        file.write(b'{"text":"before"}\n{"text":"')
        for _ in range(200):
            file.write(b"a" * (1 << 20))
        file.write(b'"}\n{"text":"after"}\n')
    found, grown = growth(config(small), config(large))
    assert found == "[([0, 2], [(1, 'row_too_large')])]"
    assert grown < 32
