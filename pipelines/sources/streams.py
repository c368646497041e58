"""Sequential reading of files, decompressed by what their first bytes say, up to the exact point of damage."""

import math
import tarfile
import zipfile
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import fsspec
import pyarrow as pa

from ...schemas.dataset.drop_detail import error_detail
from .decompress import ERRORS, Broken, Damaged, Pace, decompressed
from .formats import ENDINGS, HEAD, UNCOMPRESSED, compression_of, ending, is_text, other_compression
from .unit_time import check_time

__all__ = ["BLOCK", "PARQUET_ERRORS", "Broken", "ByteStream", "WrongFormat", "data_error"]

BLOCK = 4 << 20
RAW_BLOCK = 1 << 16
LAYERS = 4  # a file that is compressed more often than this is refused


class WrongFormat(Broken):
    """A file is compressed in a way that is not read."""

    reason = "format_unsupported"

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"is {what}. {advice}")
        self.what, self.advice = what, advice


# what pyarrow raises for a damaged Parquet file; a name in it that is not UTF-8 is decoded only when it is needed
PARQUET_ERRORS = (pa.ArrowException, OSError, UnicodeDecodeError)


def data_error(error: BaseException) -> bool:
    """True if Arrow found invalid data, False if the store failed to deliver the data."""
    return isinstance(error, (pa.ArrowException, UnicodeDecodeError)) or (
        type(error) is OSError and error.errno is None
    )


class ByteStream:
    """A forward-only binary file; gzip, zstd, bzip2, xz and lzma data, also one within another, are decompressed.

    Args:
        url: An fsspec URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._broken: Broken | None = None
        self._position = 0
        self._block = memoryview(b"")  # what is left of the block that was decompressed last
        self._given = 0  # bytes of all blocks so far
        self._slow = False
        self._begin()

    def _begin(self, slow_after: float = math.inf) -> None:
        self._opened = fsspec.open(self._url, "rb")  # its file system would close an archive that it holds
        self._file: Any = self._opened.open()
        self._pace = Pace(slow_after)
        self._blocks: Iterator[bytes] = _layers(_raw(self._file), self._url, self._pace)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes, fewer at the end.

        Raises:
            Broken: The file is damaged here; all data before that point has been returned.
            WrongFormat: The file is of a format that is not read.
        """
        parts: list[memoryview] = []
        while size:
            if not self._block and not self._next_block():
                break
            parts.append(self._block[:size])
            self._block = self._block[size:]
            size -= len(parts[-1])
        if not parts and size and self._broken:
            raise self._broken
        data = b"".join(parts)
        self._position += len(data)
        return data

    def _next_block(self) -> bool:
        """Take the next block; False at the end of the file or of what can be read."""
        if self._broken is None:
            check_time()
            try:
                self._block = memoryview(next(self._blocks, b""))
            except Damaged as error:
                if self._slow:
                    self._broken = error
                    return False
                self._before_damage()
                return self._next_block()
            except Broken as error:
                self._broken = error
            self._given += len(self._block)
        return bool(self._block)

    def _before_damage(self) -> None:
        """Read the file again to the damage, at the end byte by byte, for what the decompressor lost when it met it."""
        self._file.close()
        self._slow = True
        self._begin(slow_after=self._pace.times - 1)
        self._blocks = _without(self._given, self._blocks)

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

    def whole(self, limit: int) -> bytes | None:
        """Read the rest of the file; None if it has more than `limit` bytes. Raises Broken if any of it is damaged."""
        parts, size = [], 0
        for block in self.blocks():
            parts.append(block)
            size += len(block)
            if size > limit:
                return None
        return b"".join(parts)

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Yield the rest of the file in blocks of `size` bytes; raises Broken after the last one before the damage."""
        while block := self.read(size):
            yield block


def _raw(file: Any) -> Iterator[bytes]:
    """Read blocks of a file; raises Broken if it is the damaged member of an archive."""
    try:
        while block := file.read(RAW_BLOCK):
            yield bytes(block)
    except (zipfile.BadZipFile, tarfile.TarError, *ERRORS) as error:
        if isinstance(error, OSError) and not data_error(error):
            raise
        raise Broken(error_detail(error)) from None


def _without(count: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Leave out the first `count` bytes."""
    for block in blocks:
        if len(block) > count:
            yield block[count:]
        count = max(0, count - len(block))


def _layers(blocks: Iterator[bytes], url: str, pace: Pace) -> Iterator[bytes]:
    """Decompress blocks until the result is not compressed."""
    name = url
    for _ in range(LAYERS + 1):
        head, blocks = _peeked(blocks)
        compression = compression_of(name, head)
        found = other_compression(name, head)
        if found:
            raise WrongFormat(f"a file in the format {found.name}, which is not read", found.advice)
        if compression is None:
            named = ENDINGS.get(ending(name))
            if named and head and not is_text(head) and not UNCOMPRESSED.match(head):
                raise Broken(f"the file is neither {named} data, as its name says, nor text")
            yield from blocks
            return
        blocks = decompressed(blocks, compression, pace)
        name = name.rpartition(".")[0]  # `a.br` of `a.br.gz`
    raise WrongFormat(f"a file that is compressed more than {LAYERS} times", "Decompress it.")


def _peeked(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first HEAD bytes, and all blocks from the first on; damage after fewer bytes is met later."""
    first: list[bytes] = []
    broken: Broken | None = None
    try:
        while sum(map(len, first)) < HEAD and (block := next(blocks, b"")):
            first.append(block)
    except Broken as error:
        broken = error

    def from_the_first() -> Iterator[bytes]:
        yield from first
        if broken:
            raise broken
        yield from blocks

    return b"".join(first)[:HEAD], from_the_first()
