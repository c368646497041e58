"""Decompression of gzip, zstd, bzip2, xz and lzma streams in bounded memory, up to the exact point of damage.

All have the interface of `bz2.BZ2Decompressor`: its `decompress` returns at most so many bytes, so a small file that
decompresses to a large one takes no more memory than any other.
"""

import bz2
import lzma
import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

from ...schemas.dataset.drop_detail import error_detail
from .formats import BEGINNINGS, COMPRESSIONS, SKIPPABLE

STEP = 1 << 16  # bytes that are decompressed at a time
# `zstd --long=31`, the longest; up to 2 GiB of memory are needed for it, as for its compression
WINDOW_LOG = 31
XZ_MEMORY = 4 << 30  # `xz -9` needs 65 MiB; the format allows dictionaries of up to 4 GiB
ERRORS = (zlib.error, lzma.LZMAError, ZstdError, OSError, EOFError, ValueError)


class Broken(Exception):
    """The rest of a file cannot be read, since the file is truncated or corrupt from here on."""

    reason = "file_truncated"


class Damaged(Broken):
    """Compressed data are corrupt; the decompressor may have lost what it decompressed before."""


class Decompressor(Protocol):
    """Decompresses one member or frame."""

    @property
    def eof(self) -> bool:
        """True after the end of the member."""
        ...

    @property
    def needs_input(self) -> bool:
        """False if there is more output without more input."""
        ...

    @property
    def unused_data(self) -> bytes:
        """Data after the end of the member."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Return at most `max_length` bytes of output."""
        ...


class _Gzip:
    """A gzip member, with the interface of the other decompressors."""

    def __init__(self) -> None:
        self._state = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._later = b""
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._state.eof

    @property
    def unused_data(self) -> bytes:
        return self._state.unused_data + self._later

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        data = self._state.unconsumed_tail + self._later + data
        # a member's last byte is lost if the checksum after it, which is wrong, comes in the same piece
        piece = data[:1] if max_length == 1 else data
        self._later = data[len(piece) :]
        output = self._state.decompress(piece, max_length)
        self.needs_input = len(output) < max_length and not self._later
        return output


def _zstd() -> Decompressor:
    return ZstdDecompressor(options={DecompressionParameter.window_log_max: WINDOW_LOG})


def _lzma(form: int) -> Callable[[], Decompressor]:
    return lambda: lzma.LZMADecompressor(form, memlimit=XZ_MEMORY)


DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    "gzip": _Gzip,
    "zstd": _zstd,
    "bzip2": bz2.BZ2Decompressor,
    "xz": _lzma(lzma.FORMAT_XZ),
    "lzma": _lzma(lzma.FORMAT_ALONE),
}


@dataclass
class Pace:
    """How many bytes go in and out of a decompressor at a time: STEP, and a single one after `slow_after` times."""

    slow_after: float = math.inf
    times: int = 0

    def step(self) -> int:
        """The number of bytes for the next time."""
        self.times += 1
        return STEP if self.times <= self.slow_after else 1


def decompressed(blocks: Iterator[bytes], compression: str, pace: Pace) -> Iterator[bytes]:
    """Decompress blocks of a file, also of several members or frames, to blocks of at most STEP bytes.

    Zeros after a member are padding, as for gzip and xz.

    Raises:
        Broken: The data end within a member, or other data follow it; all data before that have been yielded.
        Damaged: The data are corrupt; less than a step before the damage may be missing.
    """
    rest = b""
    while rest := _start(blocks, rest):
        if not _begins_member(compression, rest):
            raise Broken(f"other data follow the end of the {compression} data")
        member, at = DECOMPRESSORS[compression](), 0
        while not member.eof:
            if member.needs_input and at == len(rest):
                rest, at = next(blocks, b""), 0
                if not rest:
                    raise Broken(f"the {compression} data are truncated")
            step = pace.step()
            piece = rest[at : at + step] if member.needs_input else b""
            at += len(piece)
            try:
                output = member.decompress(piece, step)
            except ERRORS as error:
                raise Damaged(f"the {compression} data are corrupt: {error_detail(error)}") from None
            if output:
                yield output
        rest = member.unused_data + rest[at:]


def _start(blocks: Iterator[bytes], rest: bytes) -> bytes:
    """Return data from the start of the next member: at least a signature, unless the file ends before."""
    rest = rest.lstrip(b"\0")
    while len(rest) < 16 and (more := next(blocks, b"")):
        rest = (rest + more).lstrip(b"\0")
    return rest


def _begins_member(compression: str, data: bytes) -> bool:
    if compression == "zstd" and SKIPPABLE.match(data):
        return True
    signature = COMPRESSIONS[compression]
    return bool(signature.match(data) or BEGINNINGS[compression].match(data))
