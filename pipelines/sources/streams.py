"""Bytes of a file front to back, decompressed by its name, up to the very point where it breaks."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import fsspec
import pyarrow as pa

from ...schemas.dataset.drop_detail import error_detail

CODECS = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd"}
BLOCK = 4 << 20


class Broken(Exception):
    """The rest of a file cannot be read: it was cut short, or is corrupt from here on."""


def data_error(error: BaseException) -> bool:
    """True when Arrow found the bytes wrong, False when the store did not deliver them."""
    return isinstance(error, pa.ArrowException) or (type(error) is OSError and error.errno is None)


class ByteStream:
    """A forward-only binary file; `.gz` and `.zst`, also of several members or frames, come decompressed."""

    def __init__(self, url: str) -> None:
        self._file: Any = fsspec.open(url, "rb").open()
        codec = next((codec for ending, codec in CODECS.items() if url.endswith(ending)), None)
        self._unpacked = pa.CompressedInputStream(pa.PythonFile(self._file, mode="r"), codec) if codec else None
        self._broken: Broken | None = None
        self._position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end; what comes before a break is returned before Broken is raised."""
        if self._broken:
            raise self._broken
        data = self._file.read(size) if self._unpacked is None else self._read_unpacked(size)
        self._position += len(data)
        return bytes(data)

    def _read_unpacked(self, size: int) -> bytes:
        assert self._unpacked is not None
        # 0xFF cannot end a line of UTF-8, so a fill of it shows how far a failed read came
        buffer = bytearray(b"\xff") * size
        try:
            return memoryview(buffer)[: self._unpacked.readinto(buffer)].tobytes()
        except OSError as error:
            if not data_error(error):
                raise
            self._broken = Broken(error_detail(error))
            data = bytes(buffer).rstrip(b"\xff")
            if not data:
                raise self._broken from None
            return data

    def tell(self) -> int:
        """Bytes read or skipped so far."""
        return self._position

    def seek(self, position: int) -> int:
        """Skip ahead to `position`; ValueError when that lies behind."""
        if position < self._position:
            raise ValueError(f"cannot go back from {self._position} to {position}")
        while self._position < position and self.read(min(BLOCK, position - self._position)):
            pass
        return self._position

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """The rest of the file in blocks of `size` bytes; Broken after the last that could be read."""
        while block := self.read(size):
            yield block
