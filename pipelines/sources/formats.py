"""Tells by the first bytes of a file how it is compressed.

A name says little about a file: endings are in capitals, followed by a URL's query, or left out, and downloads are
stored decompressed under their old name. Signatures are those of file(1), https://www.darwinsys.com/file/.
"""

import re
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

HEAD = 512  # bytes that `format_of` needs
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)  # frames of metadata in zstd and LZ4 streams
COMPRESSIONS = {
    "gzip": re.compile(rb"\x1f\x8b"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
    "bzip2": re.compile(rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
    "lzma": re.compile(rb"\x5d\0\0[\0-\xff]{2}(\xff{8}|[\0-\xff]{4}\0{4})", re.DOTALL),
}
# files that are cut within the signature
BEGINNINGS = {
    "gzip": re.compile(rb"\x1f\Z"),
    "zstd": re.compile(rb"(\x28\xb5?\x2f?|[\x50-\x5f]\x2a?\x4d?)\Z", re.DOTALL),
    "bzip2": re.compile(rb"B(Z(h([1-9](1A?Y?&?S?|\x17\x72?\x45?\x38?\x50?)?)?)?)?\Z"),
    "xz": re.compile(rb"\xfd(7(z(XZ?)?)?)?\Z"),
    "lzma": re.compile(rb"\x5d[\0-\xff]{0,12}\Z", re.DOTALL),
}
ENDINGS = {
    ".gz": "gzip", ".gzip": "gzip", ".tgz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bzip2", ".xz": "xz",
    ".lzma": "lzma",
}  # fmt: skip
DECOMPRESS = "Decompress it, or compress it again with gzip, zstd, bzip2 or xz."
UNPACK = "Unpack it, and name the files."


class Format(NamedTuple):
    """A compression that is not read, and what to do about it."""

    name: str
    signature: re.Pattern[bytes]
    advice: str


OTHERS = (
    Format("LZ4", re.compile(rb"\x04\x22\x4d\x18|\x02\x21\x4c\x18"), DECOMPRESS),
    Format("Snappy", re.compile(rb"\xff\x06\0\0sNaPpY"), DECOMPRESS),
    Format("compress (.Z)", re.compile(rb"\x1f[\x9d\xa0]"), DECOMPRESS),
    Format("lzip", re.compile(rb"LZIP\x01"), DECOMPRESS),
    Format("zlib", re.compile(rb"x[\x01\x9c\xda]"), DECOMPRESS),
    Format("lzop", re.compile(rb"\x89LZO\0\r\n\x1a\n"), DECOMPRESS),
    Format("7z", re.compile(rb"7z\xbc\xaf\x27\x1c"), UNPACK),
    Format("RAR", re.compile(rb"Rar!\x1a\x07"), UNPACK),
)
DICTIONARY = Format(
    "zstd with a dictionary", COMPRESSIONS["zstd"], "Decompress it with the dictionary: `zstd -d -D DICTIONARY`."
)
# what is not text, and not compressed either: UTF-16, a tar, Parquet
UNCOMPRESSED = re.compile(rb"\xff\xfe|\xfe\xff|PAR1|[\0-\xff]{257}ustar", re.DOTALL)
# these have no signature
BY_ENDING = {
    ending: Format(name, re.compile(b""), DECOMPRESS)
    for ending, name in {".br": "Brotli", ".snappy": "Snappy", ".lzo": "LZO", ".deflate": "deflate"}.items()
}


def ending(url: str) -> str:
    """Return the ending of a file's name in lower case, without a query or fragment of a web address."""
    first = url.partition("::")[0]
    path = urlsplit(first).path if first.lower().startswith(("http://", "https://")) else first
    return PurePosixPath(path).suffix.lower()


def compression_of(url: str, head: bytes) -> str | None:
    """Return the compression of a file that is read (a key of COMPRESSIONS), or None.

    Args:
        url: The file; its ending is used only where less than a signature is left of the file.
        head: Its first HEAD bytes, or fewer if it is shorter.
    """
    after = _after_skippable(head)
    for name, signature in COMPRESSIONS.items():
        if signature.match(after if name == "zstd" else head):
            return name
    likely = ENDINGS.get(ending(url))
    if likely and BEGINNINGS[likely].match(head):
        return likely
    # nothing but skippable frames at the start: they are of LZ4 too, but that is rare
    return "zstd" if head and not after else None


def other_compression(url: str, head: bytes) -> Format | None:
    """Return the compression of a file that is not read; None if there is none."""
    if is_text(head):
        return None
    after = _after_skippable(head)
    # the last two bits of the frame's descriptor: https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1.1.1
    if DICTIONARY.signature.match(after) and len(after) > 4 and after[4] & 3:
        return DICTIONARY
    found = next((each for each in OTHERS if each.signature.match(head) or each.signature.match(after)), None)
    return found or (BY_ENDING.get(ending(url)) if compression_of(url, head) is None else None)


def _after_skippable(head: bytes) -> bytes:
    while SKIPPABLE.match(head) and len(head) >= 8:
        head = head[8 + int.from_bytes(head[4:8], "little") :]
    return head


def is_text(head: bytes) -> bool:
    """True if the bytes are UTF-8 without control characters, apart from a character that is cut at the end."""
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.end < len(head):
            return False
        text = head[: error.start].decode()
    return not re.search(r"[\0-\x08\x0e-\x1a\x1c-\x1f]", text)
