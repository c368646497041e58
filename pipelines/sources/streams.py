"""Sequential reading of files, decompressed by their extension, up to the exact point of damage."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import fsspec
import pyarrow as pa

from ...schemas.dataset.drop_detail import error_detail

CODECS = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd"}
BLOCK = 4 << 20


class Broken(Exception):
    """The rest of a file cannot be read, since the file is truncated or corrupt from here on."""


def data_error(error: BaseException) -> bool:
    """True if Arrow found invalid data, False if the store failed to deliver the data."""
    return isinstance(error, pa.ArrowException) or (type(error) is OSError and error.errno is None)


class ByteStream:
    """A forward-only binary file; `.gz` and `.zst` files, also with several members or frames, are decompressed."""

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
        """Read up to `size` bytes, fewer at the end.

        Raises:
            Broken: The file is damaged here; all data before that point has been returned.
        """
        if self._broken:
            raise self._broken
        data = self._file.read(size) if self._unpacked is None else self._read_unpacked(size)
        self._position += len(data)
        return bytes(data)

    def _read_unpacked(self, size: int) -> bytes:
        assert self._unpacked is not None
        # 0xFF never occurs in UTF-8, so a buffer filled with it shows how much a failed read has delivered
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
        """Return the number of bytes read or skipped so far."""
        return self._position

    @property
    def consumed(self) -> int:
        """Number of bytes of the file, compressed as it is, that were read so far."""
        return int(self._file.tell())

    def seek(self, position: int) -> int:
        """Skip ahead to `position`; raises ValueError when it lies behind."""
        if position < self._position:
            raise ValueError(f"cannot go back from {self._position} to {position}")
        while self._position < position and self.read(min(BLOCK, position - self._position)):
            pass
        return self._position

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Yield the rest of the file in blocks of `size` bytes; raises Broken after the last one before the damage."""
        while block := self.read(size):
            yield block
