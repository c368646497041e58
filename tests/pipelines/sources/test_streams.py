"""A file is read forward and decompressed by its first bytes, and all that comes before damage is delivered."""

import bz2
import errno
import gzip
import lzma
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from backports import zstd

from triptych.pipelines.sources.streams import LAYERS, Broken, ByteStream, WrongFormat, data_error

DATA = random.Random(0).randbytes(5_000).hex().encode()
SKIP = b"\x5f\x2a\x4d\x18" + struct.pack("<I", 700) + bytes(700)


def alone(data: bytes) -> bytes:
    return lzma.compress(data, format=lzma.FORMAT_ALONE)


def long_window(data: bytes) -> bytes:
    """As `zstd --long=31` writes."""
    made = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 31})
    return made.compress(data) + made.flush()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": alone,
}


def test_names_do_not_count(tmp_path: Path) -> None:
    contents = {name: compress(DATA) for name, compress in COMPRESS.items()}
    contents |= {f"{name} twice": compress(DATA[:3000]) + compress(DATA[3000:]) for name, compress in COMPRESS.items()}
    contents |= {f"{name} padded": contents[name] + bytes(512) for name in COMPRESS}
    contents |= {f"{name} in gzip": gzip.compress(contents[name]) for name in COMPRESS}
    contents |= {"plain": DATA, "frames": SKIP + zstd.compress(DATA[:9]) + SKIP + zstd.compress(DATA[9:]) + SKIP}
    contents |= {"long": long_window(DATA), "empty member": gzip.compress(b"") + gzip.compress(DATA)}
    for what, content in contents.items():
        for name in ("a", "A.GZ", "a.zst", "a.jsonl"):
            (tmp_path / name).write_bytes(content)
            with ByteStream(str(tmp_path / name)) as stream:
                assert b"".join(stream.blocks(999)) == DATA, (what, name)
                assert (stream.tell(), stream.read(1)) == (len(DATA), b"")


def test_it_goes_forward_only(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bz2.compress(DATA))
    with ByteStream(str(tmp_path / "a")) as stream:
        assert stream.read(7) == DATA[:7]
        assert stream.seek(5000) == stream.tell() == 5000
        assert stream.read(9) == DATA[5000:5009]
        with pytest.raises(ValueError, match="cannot go back from 5009 to 5008"):
            stream.seek(5008)
        assert stream.seek(10**9) == len(DATA)
    with ByteStream(str(tmp_path / "a")) as stream:
        assert stream.whole(len(DATA)) == DATA
    with ByteStream(str(tmp_path / "a")) as stream:
        assert stream.whole(len(DATA) - 1) is None


def broken(path: Path) -> tuple[bytes, Broken | None]:
    """What is read before the damage."""
    blocks: list[bytes] = []
    with ByteStream(str(path)) as stream:
        try:
            blocks.extend(stream.blocks(100))
        except Broken as error:
            assert stream.tell() == sum(map(len, blocks))
            with pytest.raises(Broken):
                stream.read(1)
            return b"".join(blocks), error
    return b"".join(blocks), None


@pytest.mark.parametrize("name", COMPRESS)
def test_what_lies_before_a_cut_is_delivered_and_nothing_after_it(tmp_path: Path, name: str) -> None:
    content, path = COMPRESS[name](DATA), tmp_path / "a.jsonl"
    last = b""
    for cut in range(20, len(content), 97):
        path.write_bytes(content[:cut])
        got, error = broken(path)
        assert error is not None
        assert error.reason == "file_truncated"
        assert DATA.startswith(got)
        assert len(got) >= len(last)
        last = got
    assert name in ("bzip2", "zstd") or len(last) > len(DATA) * 0.9  # these decompress block by block


@pytest.mark.parametrize("name", ["gzip", "xz", "lzma"])
def test_what_a_decompressor_lost_at_the_damage_is_read_again(tmp_path: Path, name: str) -> None:
    content, path = bytearray(COMPRESS[name](DATA)), tmp_path / "a"
    content[len(content) // 2] ^= 0x55
    content[len(content) // 2 + 1 :] = b"\xff" * 40
    path.write_bytes(content)
    got, error = broken(path)
    assert error is not None
    assert got[:4000] == DATA[:4000]
    assert len(got) < len(DATA)
    path.write_bytes(gzip.compress(content))  # in the inner of two
    assert broken(path)[0] == got


def test_a_wrong_checksum_costs_no_byte(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(DATA))
    content[-6] ^= 1
    (tmp_path / "a.gz").write_bytes(content)
    assert broken(tmp_path / "a.gz")[0] == DATA


@pytest.mark.parametrize("name", COMPRESS)
def test_other_data_after_the_end_are_reported(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(COMPRESS[name](DATA) + b"and something else")
    got, error = broken(tmp_path / "a")
    assert got == DATA
    assert "other data follow" in str(error)


def test_formats_that_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    for content in (b"7z\xbc\xaf\x27\x1c and so on", gzip.compress(b"7z\xbc\xaf\x27\x1c and so on")):
        path.write_bytes(content)
        with (
            ByteStream(str(path)) as stream,
            pytest.raises(WrongFormat, match="format 7z, which is not"),
        ):
            stream.read(1)
    content = DATA
    for _ in range(LAYERS + 1):
        content = gzip.compress(content)
    path.write_bytes(content)
    with ByteStream(str(path)) as stream, pytest.raises(WrongFormat, match="compressed more than"):
        stream.read(1)
    path.write_bytes(b"\xde\xad\xbe\xef" * 9)
    with ByteStream(str(path)) as stream, pytest.raises(Broken, match="neither gzip data"):
        stream.read(1)


MEASURE = """
import resource, sys
from triptych.pipelines.sources.streams import ByteStream
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ByteStream(sys.argv[1]) as stream:
    size = sum(map(len, stream.blocks()))
print(size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", COMPRESS)
def test_a_small_file_that_decompresses_to_a_large_one_takes_little_memory(tmp_path: Path, name: str) -> None:
    large = 60 << 20
    (tmp_path / "a").write_bytes(COMPRESS[name](bytes(large)))
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "a")]
    size, grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(size) == large
    assert int(grown) < 40 << 10


def test_only_errors_of_the_data_are_those_of_arrow() -> None:
    assert data_error(pa.ArrowInvalid("bad"))
    assert data_error(OSError("zlib inflate failed"))
    assert not data_error(OSError(errno.EIO, "disk"))
    assert not data_error(ConnectionResetError())
    assert not data_error(ValueError())
    assert data_error(UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"))
