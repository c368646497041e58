"""Files that a kind of source cannot read are refused before any work, by their first bytes."""

import bz2
import gzip
import zlib
from pathlib import Path

import pytest
from backports import zstd

from triptych.pipelines.sources.content_type import require_readable
from triptych.pipelines.sources.files import whole_files
from triptych.schemas.errors import Refusal

DICTIONARY = zstd.train_dict([b'{"text": "row %d of many"}' % n for n in range(200)], 1000)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "a zip file or an Excel workbook. Unpack it"),
        (b"\x04\x22\x4d\x18rest", "a file in the format LZ4, which is not read. Decompress it"),
        (gzip.compress(bz2.compress(b"\x04\x22\x4d\x18rest"), mtime=0), "format LZ4"),
        (zstd.compress(b"{}" * 50, zstd_dict=DICTIONARY), "zstd with a dictionary, which is not read. Decompress it"),
        (zlib.compress(b"{}"), "format zlib"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a pointer of Git LFS"),
        (b"PAR1rest", "Use `kind: parquet`"),
        (b"x" * 257 + b"ustar\x0000" + bytes(300), "Use `kind: webdataset`"),
    ],
)
def test_formats_that_are_not_read_are_refused_before_work(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.jsonl").write_text("{}")
    (tmp_path / "b.jsonl").write_bytes(content)
    path = f"{tmp_path}/*.jsonl"
    with pytest.raises(Refusal) as refused:
        require_readable("docs", whole_files("docs", path), "jsonl")
    assert str(refused.value).startswith("`sources.docs.kind` is jsonl: b.jsonl is a")
    assert said in str(refused.value)


def test_what_is_damaged_is_left_to_the_ledger(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"{}")[:12])
    require_readable("docs", whole_files("docs", f"{tmp_path}/*.gz"), "jsonl")
