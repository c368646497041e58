"""What a file is by its first bytes, so that a kind of source that cannot read it is refused before any work."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ...schemas.errors import Refusal
from .base import Unit
from .files import refusing
from .streams import Broken, ByteStream, WrongFormat
from .text_blocks import MARKS

HEAD: Final = 1024
CHECKED: Final = 64  # files of a remote source that are opened before any work
FEWEST_ZEROS: Final = 8  # fewer may stand in a text of UTF-8


class Content(NamedTuple):
    """A format, and what reads it."""

    name: str
    advice: str


PARQUET: Final = Content("a Parquet file", "Use `kind: parquet`.")
JSON: Final = Content("JSON", "Use `kind: jsonl`.")
_ARROW = Content("an Arrow file", "Use `kind: datasets` with `path: arrow` and the files under `data_files`.")
_TAR = Content("a tar", "Use `kind: webdataset`, or unpack it.")
_ZIP = Content(
    "a zip file or an Excel workbook",
    "Unpack it, or save its table as CSV. Its members can be read by `path: zip://**::` and its name.",
)
_PDF = Content("a PDF file", "Extract its text first.")
_RECORDS = Content("an Avro or NumPy file", "Convert it to Parquet.")
_EXCEL = Content("an Excel workbook", "Save its table as CSV.")
_DATABASE = Content("an SQLite database", "Export its table as CSV or JSON lines.")
_HDF5 = Content("an HDF5 file", "Export its table as CSV, JSON lines or Parquet.")
_POINTER = Content("a pointer of Git LFS, not the file itself", "Fetch the file with `git lfs pull`.")
_UTF16 = Content(
    "UTF-16 without a byte order mark", "Convert it to UTF-8, for example with `iconv -f UTF-16LE -t UTF-8`."
)
SIGNATURES: Final = (
    (0, b"PAR1", PARQUET),
    (0, b"ARROW1\0\0", _ARROW),
    (257, b"ustar", _TAR),
    (0, b"PK\x03\x04", _ZIP),
    (0, b"PK\x05\x06", _ZIP),
    (0, b"%PDF-", _PDF),
    (0, b"Obj\x01", _RECORDS),
    (0, b"\x93NUMPY", _RECORDS),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _EXCEL),
    (0, b"SQLite format 3\0", _DATABASE),
    (0, b"version https://git-lfs.github.com/spec/", _POINTER),
    (0, b"\x89HDF\r\n\x1a\n", _HDF5),
)


def content_of(head: bytes) -> Content | None:
    """Recognize a format by the first bytes of a file; None for text, and for what is not known."""
    for place, signature, content in SIGNATURES:
        if head.startswith(signature, place):
            return content
    if head.startswith(b"\xff\xff\xff\xff") and head[7:8] == b"\0":  # the length of a schema message is small
        return _ARROW
    marked = any(head.startswith(mark) for mark, _ in MARKS)
    return _UTF16 if not marked and _alternates_with_zeros(head) else None


def _alternates_with_zeros(head: bytes) -> bool:
    # text of one script in UTF-16 has its line ends, spaces and digits with a zero on always the same side
    even, odd = head[0::2].count(0), head[1::2].count(0)
    return max(even, odd) >= max(FEWEST_ZEROS, len(head) // 10) and min(even, odd) * 20 < max(even, odd)


def head_of(url: str) -> bytes:
    """Return the first bytes of a file, decompressed; fewer where it is damaged."""
    with ByteStream(url) as stream:
        try:
            return stream.read(HEAD)
        except Broken:
            return b""


def require_readable(source: str, units: Sequence[Unit], kind: str, tar: bool = False) -> None:
    """Look at the first bytes of a source's files: of all local ones, and of as many as CHECKED of others.

    Args:
        source: Name of the source.
        units: Its files.
        kind: Kind of the source, for the message.
        tar: True if they are tars, False if they are text.

    Raises:
        Refusal: A file has another format, though not if it is damaged: that is dropped when it is read.
    """
    remote = 0
    for unit in units:
        remote += not unit.path.startswith("file://")
        if remote > CHECKED:
            return
        content = _content_of_file(source, unit)
        if content is not None and not (tar and content is _TAR):
            raise wrong_kind(source, unit.label, kind, content)


def _content_of_file(source: str, unit: Unit) -> Content | None:
    with refusing(source, unit.path), ByteStream(unit.path) as stream:
        try:
            return content_of(stream.read(HEAD))
        except WrongFormat as error:
            return Content(error.what, error.advice)
        except Broken:
            return None


def wrong_kind(source: str, label: str, kind: str, content: Content) -> Refusal:
    """Return the refusal of a file that the kind of its source does not read."""
    return Refusal(f"`sources.{source}.kind` is {kind}: {label} is {content.name}. {content.advice}")
