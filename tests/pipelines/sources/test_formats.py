"""Formats are told by first bytes; names count only where bytes say nothing."""

import pytest

from triptych.pipelines.sources.formats import compression_of, ending, other_compression

ZSTD = b"\x28\xb5\x2f\xfd rest"
SKIP = b"\x50\x2a\x4d\x18\x03\0\0\0abc"


@pytest.mark.parametrize(
    ("url", "head", "compression"),
    [
        ("a.jsonl", b"\x1f\x8b\x08", "gzip"),
        ("a.zst", b"BZh91AY&SY", "bzip2"),
        ("a", b"\xfd7zXZ\0", "xz"),
        ("a", b"\x5d\0\0\x80\0" + b"\xff" * 8, "lzma"),
        ("a", ZSTD, "zstd"),
        ("a", SKIP + SKIP + ZSTD, "zstd"),
        ("a", SKIP, "zstd"),
        ("a.jsonl.gz", b'{"text": "plain"}', None),
        ("a.gz", b"", None),
        ("a.gz", b"\x1f", "gzip"),
        ("A.GZ?download=true", b"\x1f", None),  # a file of that name: a query is of a web address alone
        ("https://e.org/A.GZ?download=true", b"\x1f", "gzip"),
        ("a.txt", b"BZh9 is how a bzip2 file begins", None),
    ],
)
def test_compression(url: str, head: bytes, compression: str | None) -> None:
    assert compression_of(url, head) == compression


@pytest.mark.parametrize(
    ("url", "head", "name"),
    [
        ("a.jsonl", b"\x04\x22\x4d\x18", "LZ4"),
        ("a.jsonl", SKIP + b"\x04\x22\x4d\x18", "LZ4"),
        ("a.jsonl", b"\xff\x06\0\0sNaPpY", "Snappy"),
        ("a.jsonl", b"\x1f\x9d\x90", "compress (.Z)"),
        ("a.jsonl", b"7z\xbc\xaf\x27\x1c", "7z"),
        ("a.jsonl", b"x\x9cK\xcbO", "zlib"),
        ("a.jsonl", "xځ is text".encode(), None),
        ("a.jsonl.zst", b"\x28\xb5\x2f\xfd\x23\x07\0\0", "zstd with a dictionary"),
        ("a.jsonl.zst", SKIP + b"\x28\xb5\x2f\xfd\x21\x07\0\0", "zstd with a dictionary"),
        ("a.jsonl.zst", b"\x28\xb5\x2f\xfd\x24\x07\0\0", None),
        ("a.jsonl.br", b"\x1f\x8b\x08\0", None),
        ("a.jsonl.BR", b"\x0b\x02\x80", "Brotli"),
        ("https://e.org/a.br?x=1", b"\x0b\x02\x80", "Brotli"),
        ("a.jsonl.br", b'{"text": "plain, \xc3', None),
        ("a.jsonl", b'{"text": "LZIP"}', None),
        ("a.jsonl", b"", None),
    ],
)
def test_other_compressions(url: str, head: bytes, name: str | None) -> None:
    found = other_compression(url, head)
    assert (found and found.name) == name


def test_the_ending_of_a_member_of_an_archive() -> None:
    assert ending("zip://a.jsonl.GZ::file:///b.zip") == ".gz"
    assert ending("file:///a.b/c") == ""
