"""Repairs and checks of audio files by their structure, before a decoder sees them.

Decoders believe the sizes in a file: they return what is there of a file that was cut off, and stop at a size that its
writer never filled in. So the structure is compared with the bytes: WAV chunks (`wav_sizes`), Ogg pages (RFC 3533),
Matroska elements (RFC 8794) and MP4 boxes (ISO/IEC 14496-12).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .bad_clip import BadClip
from .wav_sizes import with_true_sizes

MEDIA = (b"RIFF", b"RF64", b"fLaC", b"OggS")
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
        return [with_true_sizes(data)]
    if data.startswith(b"OggS"):
        return _links(data)
    if data.startswith(b"\x1aE\xdf\xa3"):
        _check_matroska(data)
    if data[4:8] == b"ftyp":
        _check_boxes(data)
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


@dataclass(frozen=True)
class _Page:
    start: int
    end: int
    first: bool  # of its logical stream
    stream: bytes  # serial number of that
    number: int  # counted in each logical stream
    position: bytes  # samples so far: zeros on pages of headers, ones where no packet ends


def _links(data: bytes) -> list[bytes]:
    """Split a chained Ogg stream at the pages where all its logical streams begin anew."""
    cuts, header = [0], True
    before: dict[bytes, _Page] = {}
    for page in _pages(data):
        if page.end > len(data):
            raise BadClip("audio_incomplete", "the last Ogg page is cut off")
        last = None if page.first else before.get(page.stream)
        # some programs that write tags do not count the pages of the headers anew, so only those after them tell
        if last is not None and any(last.position) and page.number > last.number + 1:
            raise BadClip("audio_incomplete", f"after Ogg page {last.number} comes page {page.number}")
        before[page.stream] = page
        if page.first and not header:
            cuts.append(page.start)
        header = page.first
    return [data[start:end] for start, end in zip(cuts, [*cuts[1:], len(data)], strict=True)]


def _pages(data: bytes) -> Iterator[_Page]:
    at = 0
    while at >= 0 and at + 27 <= len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        number = int.from_bytes(data[at + 18 : at + 22], "little")
        yield _Page(at, end, bool(data[at + 5] & 2), data[at + 14 : at + 18], number, data[at + 6 : at + 14])
        at = data.find(b"OggS", end)


def _check_boxes(data: bytes) -> None:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:  # 0: to the end
            return
        at += size
    if at > len(data):
        raise BadClip("audio_incomplete", "the last box of the MP4 file is cut off")


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
