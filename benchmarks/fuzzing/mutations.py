"""Random changes of bytes: what transfers, editors, encodings and archives do to files, drawn from a seed."""

import bz2
import gzip
import lzma
import random
from collections.abc import Callable, Sequence

from backports import zstd

Change = Callable[[random.Random, bytes], bytes]

TOKENS = (
    *(b"\0", b"\n", b"\r", b"\r\n", b"\t", b" ", b'"', b'""', b"'", b",", b";", b"{", b"}", b"[", b"]", b":", b"\\"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff", b"\x80", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80"),
    *(b"\\u0000", b"\\ud800", b"\\udc00\\ud800", b"NaN", b"Infinity", b"-1", b"1e999", b"9" * 400, b"null", b"true"),
    *(b"\x85", b"\xe2\x80\xa8", b"\x0b", b"\x0c", b"\x1a", b"\x1b[31m", b"../", b"[" * 300, b'{"text": "x"}\n', b"# "),
)


def _place(draw: random.Random, data: bytes) -> int:
    return draw.randint(0, len(data))


def _range(draw: random.Random, data: bytes) -> tuple[int, int]:
    start = _place(draw, data)
    return start, min(len(data), start + int(draw.expovariate(1 / 40)) + 1)


def flip(draw: random.Random, data: bytes) -> bytes:
    """Change a few bits or bytes."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 5)) if changed else 0):
        at = draw.randrange(len(changed))
        changed[at] = changed[at] ^ (1 << draw.randrange(8)) if draw.random() < 0.5 else draw.randrange(256)
    return bytes(changed)


def cut_end(draw: random.Random, data: bytes) -> bytes:
    """Lose the end."""
    return data[: _place(draw, data)]


def cut_range(draw: random.Random, data: bytes) -> bytes:
    """Lose a part."""
    start, stop = _range(draw, data)
    return data[:start] + data[stop:]


def repeat_range(draw: random.Random, data: bytes) -> bytes:
    """Have a part twice."""
    start, stop = _range(draw, data)
    return data[:stop] + data[start:]


def zero_range(draw: random.Random, data: bytes) -> bytes:
    """Zero a part, as a disk that lost a block."""
    start, stop = _range(draw, data)
    return data[:start] + bytes(stop - start) + data[stop:]


def swap_ranges(draw: random.Random, data: bytes) -> bytes:
    """Exchange two parts."""
    a, b, c, d = sorted(_place(draw, data) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def insert(draw: random.Random, data: bytes) -> bytes:
    """Insert something that a format may take for its own."""
    at = _place(draw, data)
    return data[:at] + draw.choice(TOKENS) + data[at:]


def join(draw: random.Random, data: bytes) -> bytes:
    """Append the file, or its end, to itself."""
    return data + data[draw.choice((0, _place(draw, data))) :]


BINARY: Sequence[Change] = (
    *(flip, flip, flip, cut_end, cut_range, repeat_range, zero_range, swap_ranges, insert, insert, join),
)


def line_ends(draw: random.Random, data: bytes) -> bytes:
    """End lines as another system does, all or some of them."""
    end = draw.choice((b"\r\n", b"\r", b"\n\n", b"\n\r", b"\r\r\n"))
    if draw.random() < 0.7:
        return data.replace(b"\n", end)
    return b"".join(part + draw.choice((b"\n", end)) for part in data.split(b"\n"))


def swap_lines(draw: random.Random, data: bytes) -> bytes:
    """Exchange, repeat or lose a line."""
    lines = data.split(b"\n")
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[at], lines[other] = draw.choice(((lines[other], lines[at]), (lines[at], lines[at]), (b"", lines[other])))
    return b"\n".join(lines)


def swap_fields(draw: random.Random, data: bytes) -> bytes:
    """Exchange two parts between separators, such as a key and a value."""
    separator = draw.choice((b",", b"\t", b":", b'"', b" "))
    parts = data.split(separator)
    at, other = draw.randrange(len(parts)), draw.randrange(len(parts))
    parts[at], parts[other] = parts[other], parts[at]
    return separator.join(parts)


def encode(draw: random.Random, data: bytes) -> bytes:
    """Write the text in another encoding, or with a byte order mark."""
    kind = draw.choice(("utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7"))
    mark = b"\xfe\xff" if kind == "utf-16-be" and draw.random() < 0.5 else b""
    return mark + data.decode(errors="replace").encode(kind, errors="replace")


TEXT: Sequence[Change] = (*BINARY, line_ends, line_ends, swap_lines, swap_lines, swap_fields, swap_fields, encode)

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd.compress,
}


def compress(draw: random.Random, data: bytes) -> tuple[bytes, str]:
    """Compress, in one member or several; returns the data and the ending of their name, which may not tell."""
    ending = draw.choice(tuple(COMPRESS))
    at = _place(draw, data)
    parts = [data] if draw.random() < 0.7 else [data[:at], data[at:]]
    packed = b"".join(map(COMPRESS[ending], parts))
    return packed, draw.choice((ending, ending, ending, "", ".gz"))


def mutate(draw: random.Random, data: bytes, changes: Sequence[Change], most: int = 3) -> bytes:
    """Make one change, or a few."""
    for _ in range(draw.randint(1, most)):
        data = draw.choice(changes)(draw, data)
    return data
