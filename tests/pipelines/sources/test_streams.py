"""A file is read forward and decompressed by its name, and all that comes before damage is delivered."""

import errno
import gzip
import random
from pathlib import Path

import pyarrow as pa
import pytest

from triptych.pipelines.sources.streams import Broken, ByteStream, data_error

DATA = random.Random(0).randbytes(5_000).hex().encode()


def zst(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a", DATA),
        ("a.gz", gzip.compress(DATA)),
        ("a.tgz", gzip.compress(DATA[:3000]) + gzip.compress(DATA[3000:])),
        ("a.zst", zst(DATA[:3000]) + zst(DATA[3000:])),
    ],
)
def test_any_compression_gives_the_same_bytes(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    url = str(tmp_path / name)
    with ByteStream(url) as stream:
        assert b"".join(stream.blocks(999)) == DATA
        assert (stream.tell(), stream.read(1)) == (len(DATA), b"")
    with ByteStream(url) as stream:
        assert stream.read(7) == DATA[:7]
        assert stream.seek(5000) == stream.tell() == 5000
        assert stream.read(9) == DATA[5000:5009]
        with pytest.raises(ValueError, match="cannot go back from 5009 to 5008"):
            stream.seek(5008)
        assert stream.seek(10**9) == len(DATA)


def test_what_lies_before_the_damage_is_delivered_and_nothing_after_it(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(DATA)[:3000])
    blocks: list[bytes] = []
    with ByteStream(str(path)) as stream:
        with pytest.raises(Broken):
            blocks.extend(stream.blocks(100))
        got = b"".join(blocks)
        assert stream.tell() == len(got)
        with pytest.raises(Broken):
            stream.read(1)
    assert 1000 < len(got) < len(DATA)
    assert DATA.startswith(got)


def test_only_errors_of_the_data_are_those_of_arrow() -> None:
    assert data_error(pa.ArrowInvalid("bad"))
    assert data_error(OSError("zlib inflate failed"))
    assert not data_error(OSError(errno.EIO, "disk"))
    assert not data_error(ConnectionResetError())
    assert not data_error(ValueError())
