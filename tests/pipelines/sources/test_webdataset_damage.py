"""Damaged and hostile tars: none of the samples before the damage is lost, and memory is bounded."""

import ast
import gzip
import tarfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pytest

from .conftest import Read
from .tars import config, outcome, pairs, tar_bytes


def test_a_tar_cut_anywhere_keeps_what_came_before(tmp_path: Path, read: Callable[..., Read]) -> None:
    full = tar_bytes(pairs(4))
    path = tmp_path / "a.tar"
    path.write_bytes(full)
    rows, _ = outcome(read(**config(path)))
    assert len(rows) == 4
    sample = 512 + 1024 + 512 + 512
    end = 4 * sample + 512  # one block of zeros ends a tar
    for cut in [*range(1, len(full), 211), *range(512, len(full), 512)]:
        path.write_bytes(full[:cut])
        got = read(**config(path))
        whole = (cut + 511 - 5) // sample if cut < 4 * sample else 4  # the last text's padding may be missing
        assert got.rows == rows[: len(got.rows)]
        assert len(got.rows) in {cut // sample, whole}
        assert got.reasons.get(-1) == ("file_truncated" if cut < end else None)
        assert set(got.reasons) <= {-1, len(got.rows)}


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_compressed_tar_cut_short(tmp_path: Path, read: Callable[..., Read], ending: str) -> None:
    data = tar_bytes([(name, bytes(range(256)) * 20 if name.endswith("jpg") else d) for name, d in pairs(300)])
    packed = gzip.compress(data) if ending == "gz" else pa.Codec("zstd").compress(data, asbytes=True)
    path = tmp_path / f"a.tar.{ending}"
    path.write_bytes(packed[: len(packed) // 2])
    got = read(**config(path))
    assert got.reasons[-1] == "file_truncated"
    assert 0 < len(got.rows) < 300
    assert got.column("row") == list(range(len(got.rows)))


def test_a_corrupt_header_is_not_taken_for_the_end(tmp_path: Path, read: Callable[..., Read]) -> None:
    data = bytearray(tar_bytes(pairs(4)))
    data[2560 + 3] ^= 0x55
    (tmp_path / "a.tar").write_bytes(data)
    got = read(**config(tmp_path / "a.tar"))
    assert got.column("row") == [0]
    assert got.reasons == {-1: "file_truncated"}
    assert "2560" in got.drops[0].detail


@pytest.mark.parametrize("content", [b"", b"hello", b"x" * 2000, b"\0" * 100])
def test_what_is_no_tar_is_one_drop(tmp_path: Path, read: Callable[..., Read], content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    got = read(**config(tmp_path / "a.tar"))
    assert (got.rows, got.reasons) == ([], {-1: "file_truncated"})


def test_tars_written_one_after_another_are_noticed(tmp_path: Path, read: Callable[..., Read]) -> None:
    (tmp_path / "a.tar").write_bytes(tar_bytes(pairs(2)) + tar_bytes(pairs(2)))
    got = read(**config(tmp_path / "a.tar"))
    assert got.column("row") == [0, 1]
    assert got.reasons == {-1: "file_truncated"}
    (tmp_path / "b.tar").write_bytes(tar_bytes([]))
    assert outcome(read(**config(tmp_path / "b.tar"))) == ([], [])


def test_an_absurd_header_is_refused_unread(tmp_path: Path, read: Callable[..., Read]) -> None:
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    (tmp_path / "a.tar").write_bytes(tar_bytes(pairs(1))[:2560] + name.tobuf(tarfile.GNU_FORMAT) + b"x" * 5000)
    got = read(**config(tmp_path / "a.tar"))
    assert got.column("row") == [0]
    assert "header of 8589934592 bytes" in got.drops[0].detail


def test_large_tars_and_large_members_are_read_in_bounded_memory(
    tmp_path: Path, growth: Callable[..., tuple[str, int]]
) -> None:
    small, large = tmp_path / "small.tar", tmp_path / "large.tar"
    small.write_bytes(tar_bytes(pairs(100, 50_000)))
    huge = tarfile.TarInfo("00000.jpg")
    huge.size = 100 << 20
    with large.open("wb") as file:
        file.write(huge.tobuf())
        for _ in range(100):
            file.write(bytes(1 << 20))
        file.write(tar_bytes([("00000.txt", b"its text"), *pairs(1000, 50_000)[2:]]))
    found, grown = growth(config(small), config(large))
    batches = ast.literal_eval(found)
    assert list(chain(*(rows for rows, _ in batches))) == list(range(1, 1000))
    assert list(chain(*(drops for _, drops in batches))) == [(0, "row_too_large")]
    assert grown < 32
