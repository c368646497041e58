"""Decompression returns everything before the damage, in bounded pieces, and says what is wrong."""

import bz2
import gzip
import lzma
import random
from collections.abc import Callable, Iterator

import pytest
from backports import zstd

from triptych.pipelines.sources.decompress import STEP, Broken, Damaged, Pace, decompressed

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
}
DATA = random.Random(0).randbytes(3 * STEP) + b"end"
every_compression = pytest.mark.parametrize("compression", COMPRESS)


def blocks(data: bytes, size: int = 1000) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def until_broken(data: bytes, compression: str, pace: Pace | None = None) -> tuple[bytes, Broken | None]:
    found = b""
    try:
        for piece in decompressed(blocks(data), compression, pace or Pace()):
            found += piece
    except Broken as error:
        return found, error
    return found, None


@every_compression
def test_members_one_after_another_are_one_file(compression: str) -> None:
    compressed = COMPRESS[compression](DATA)
    assert until_broken(compressed + compressed, compression) == (DATA + DATA, None)


@every_compression
def test_a_bomb_comes_in_small_pieces(compression: str) -> None:
    bomb = COMPRESS[compression](bytes(100 * STEP))
    sizes = [len(piece) for piece in decompressed(blocks(bomb), compression, Pace())]
    assert max(sizes) <= STEP
    assert sum(sizes) == 100 * STEP


@every_compression
def test_a_truncated_file_is_no_whole_one(compression: str) -> None:
    found, error = until_broken(COMPRESS[compression](DATA)[:-20], compression)
    assert error is not None
    assert DATA.startswith(found)


def test_every_byte_before_the_end_of_a_truncated_gzip_is_there() -> None:
    found, error = until_broken(gzip.compress(DATA, compresslevel=0, mtime=0)[:-508], "gzip")
    assert "truncated" in str(error)
    assert found == DATA[:-500]  # 8 bytes are the checksum and the length


def test_a_wrong_checksum_is_damage_after_all_bytes_when_read_slowly() -> None:
    compressed = bytearray(gzip.compress(b"all of it", mtime=0))
    compressed[-8] ^= 1
    found, error = until_broken(bytes(compressed), "gzip", Pace(slow_after=0))
    assert found == b"all of it"
    assert isinstance(error, Damaged)


def test_zeros_are_padding_and_other_data_behind_a_member_are_not() -> None:
    compressed = gzip.compress(b"a", mtime=0)
    assert until_broken(compressed + bytes(5000), "gzip") == (b"a", None)
    found, error = until_broken(compressed + b"plain text", "gzip")
    assert found == b"a"
    assert "other data" in str(error)


def test_a_skippable_frame_of_zstd_is_passed_over() -> None:
    skipped = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    assert until_broken(skipped + zstd.compress(b"text") + skipped, "zstd") == (b"text", None)
