"""The sizes of WAV and RF64 files, checked against the bytes.

Source: https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html
"""

import struct
from collections.abc import Iterator

from .bad_clip import SLACK, BadClip, incomplete

STREAMED = 0x7FFF0000  # sizes from here on stand in files whose writer did not know the size
AFTER_SAMPLES = (b"LIST", b"ID3", b"id3 ", b"TAG", b"APETAGEX", b"bext", b"cue ", b"smpl", b"iXML", b"_PMX", b"JUNK")


def with_true_sizes(data: bytes) -> bytes:
    """Check the size of a WAV file's samples, and write the true one where its writer did not know it."""
    rate, samples = 0, None
    for name, at, size in _chunks(data):
        if name == b"fmt " and len(data) >= at + 12:
            rate = struct.unpack_from("<I", data, at + 8)[0]  # bytes a second
        if name == b"data":
            samples = at, size
            break
    if samples is None:
        return data
    at, size = samples
    here = len(data) - at
    slack = max(min(SLACK * rate, size / 10), 64)
    if size > here and size < STREAMED:
        if size - here > slack and rate:
            raise incomplete(size / rate, here / rate)
        return data
    if 0 < size <= here:
        if here - size > slack and not _known_rest(data, at + size):
            raise BadClip("audio_incomplete", f"{here - size} bytes follow the samples, and they are no chunks")
        return data
    if not size and (here <= slack or _ends_in_chunks(data, at)):
        return data
    # RF64 keeps its sizes in another chunk; as RIFF, the sizes are where they are written here
    sizes = [struct.pack("<I", min(count, 0xFFFFFFFF)) for count in (len(data) - 8, here)]
    return b"".join((b"RIFF", sizes[0], data[8 : at - 4], sizes[1], data[at:]))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, offset of the content and size of each chunk of a WAV file, until they leave the file."""
    at, long_size = 12, None
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"ds64" and len(data) >= at + 24:
            long_size = struct.unpack_from("<Q", data, at + 16)[0]
        if name == b"data" and size == 0xFFFFFFFF and long_size is not None:
            size = long_size
        yield name, at + 8, size
        at += 8 + size + size % 2


def _known_rest(data: bytes, at: int) -> bool:
    """Whether what follows the samples is padding, a tag or chunks; some writers leave the pad byte out."""
    if data[at : at + 4] in (b"RIFF", b"RF64"):
        return False
    starts = (at, at + 1)
    known = any(data[start:].startswith(AFTER_SAMPLES) for start in starts)
    return known or not data[at:].strip(b"\0") or any(_ends_in_chunks(data, start) for start in starts)


def _ends_in_chunks(data: bytes, at: int) -> bool:
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if not (name.isascii() and name.decode().isprintable()):
            return False
        at += 8 + size + size % 2
    return at <= len(data) + 1
