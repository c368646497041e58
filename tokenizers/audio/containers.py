"""Repairs and checks of audio files by their structure, before a decoder sees them.

Decoders believe the sizes in a file: they return what is there of a file that was cut off, and stop at a size that its
writer never filled in. So the structure is compared with the bytes: WAV chunks, Ogg pages (RFC 3533), Matroska elements
(RFC 8794) and the last frame of an MP3 (ISO 11172-3, 2.4.1.3).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .bad_clip import BadClip, incomplete

SLACK = 0.1  # seconds that an encoder's delay and padding may explain
STREAMED = 0x7FFF0000  # sizes from here on stand in files whose writer did not know the size
MEDIA = (b"RIFF", b"RF64", b"fLaC", b"OggS")
AFTER_SAMPLES = (b"LIST", b"ID3", b"id3 ", b"TAG", b"APETAGEX", b"bext", b"cue ", b"smpl", b"iXML", b"_PMX", b"JUNK")
MASTERS = {0x18538067, 0x1F43B675}  # Matroska: Segment and Cluster, whose size may be unknown


def repaired(data: bytes) -> list[bytes]:
    """Split a file into files that a decoder reads to their ends.

    Returns:
        The links of a chained Ogg stream, otherwise one file: without ID3 tags before a WAV, FLAC or Ogg file, and with
        the true sizes of a WAV file that was written to a pipe.

    Raises:
        BadClip: The file was cut off (audio_incomplete).
    """
    data = _without_tags(data)
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        return [_sized(data)]
    if data.startswith(b"OggS"):
        return _links(data)
    if data.startswith(b"\x1aE\xdf\xa3"):
        _check_matroska(data)
    return [data]


def _without_tags(data: bytes) -> bytes:
    """Remove ID3v2 tags unless an MP3 follows, whose decoders know them."""
    start = after_tags(data)
    return data[start:] if data[start : start + 4] in MEDIA else data


def after_tags(data: bytes) -> int:
    """Offset of the first byte after the ID3v2 tags at the start (https://id3.org/id3v2.4.0-structure, section 3.1)."""
    start = 0
    while data[start : start + 3] == b"ID3" and start + 10 <= len(data):
        flags, size = data[start + 5], data[start + 6 : start + 10]
        start += 10 + sum((byte & 127) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))
        start += 10 if flags & 0x10 else 0
    return start


def _sized(data: bytes) -> bytes:
    """Check the size of a WAV file's samples, and write the true one where its writer did not know it."""
    rate = size = 0  # bytes a second; bytes of samples
    for name, at, size in _chunks(data):
        if name == b"fmt " and len(data) >= at + 12:
            rate = struct.unpack_from("<I", data, at + 8)[0]
        if name == b"data":
            break
    else:
        return data
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


@dataclass(frozen=True)
class _Page:
    start: int
    end: int
    first: bool  # of its logical stream


def _links(data: bytes) -> list[bytes]:
    """Split a chained Ogg stream at the pages where all its logical streams begin anew."""
    cuts, header = [0], True
    for page in _pages(data):
        if page.end > len(data):
            raise BadClip("audio_incomplete", "the last Ogg page is cut off")
        if page.first and not header:
            cuts.append(page.start)
        header = page.first
    return [data[start:end] for start, end in zip(cuts, [*cuts[1:], len(data)], strict=True)]


def _pages(data: bytes) -> Iterator[_Page]:
    at = 0
    while 0 <= at and at + 27 <= len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        yield _Page(at, end, bool(data[at + 5] & 2))
        at = data.find(b"OggS", end)


def _check_matroska(data: bytes) -> None:
    at = 0
    while at + 2 <= len(data):
        name_bytes, size_bytes = 9 - data[at].bit_length(), 0
        if name_bytes <= 4 and at + name_bytes < len(data):
            size_bytes = 9 - data[at + name_bytes].bit_length()
        if not 1 <= size_bytes <= 8:
            return  # damaged: the decoder tells what is left of it
        name = int.from_bytes(data[at : at + name_bytes], "big")
        at += name_bytes + size_bytes
        largest = (1 << 7 * size_bytes) - 1
        size = int.from_bytes(data[at - size_bytes : at], "big") & largest
        if name in MASTERS and size == largest:
            continue
        if at + size > len(data):
            raise BadClip("audio_incomplete", "the last Matroska element is cut off")
        at += size


# kbit/s by bit-rate index: MPEG-1 layers 1, 2 and 3, then MPEG-2 layer 1, and layers 2 and 3
_RATES = (
    (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES = (44100, 48000, 32000)


def mp3_frame_bytes(head: bytes) -> int:
    """Size of the MPEG audio frame that starts with these bytes; 0 where its header does not tell it."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    index, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or index in (0, 15) or rate == 3:
        return 0
    kilobits = _RATES[layer - 1 if version == 3 else min(layer + 2, 4)][index]
    hertz = _SAMPLE_RATES[rate] >> (0 if version == 3 else 1 if version == 2 else 2)
    if layer == 1:
        return (12000 * kilobits // hertz + padding) * 4
    return (72000 if layer == 3 and version != 3 else 144000) * kilobits // hertz + padding


def mp3_counts_frames(data: bytes) -> bool:
    """Whether the first frame of an MP3 has a Xing, Info or VBRI header, which counts the frames of the file."""
    start = after_tags(data)
    head = data[start : start + 64]
    return any(tag in head for tag in (b"Xing", b"Info", b"VBRI"))
