"""Reads the members of a tar one after another, and reports damage instead of taking it for the end.

`webdataset`'s own iterator is not used: it takes a corrupt or missing header for the end of the tar, and reads every
member into memory whatever its size. So members are read with `tarfile`, which can report both.
"""

import re
import tarfile
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from ...schemas.dataset.drop_detail import error_detail
from .batches import BadRow
from .streams import Broken, ByteStream

LONG_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
HEADER_BYTES = 1 << 20  # a larger long name or pax header is an attack or garbage
HEADERS_BYTES = 4 << 20  # of all headers before a member, with maps of sparse files
HEADERS = 16  # long names and pax headers before a member, of which a tar that some program writes has four at most
META = re.compile(r"__[^/]*__($|/)")  # members that webdataset skips
# what macOS and old versions of tar put beside the files: ._a.png, .DS_Store, __MACOSX/a.png, PaxHeaders.7/a.png
BESIDE = re.compile(r"(^|/)(\.[^/]*|(__MACOSX|PaxHeaders?(\.\d+)?)/.*)$")
LINK_ADVICE = "write the tar with --dereference --hard-dereference"


class Member(NamedTuple):
    """A file in a tar; its content is empty where it is not wanted, and a BadRow where it cannot be read."""

    name: str
    content: bytes | BadRow

    @property
    def extension(self) -> str:
        """What follows the first dot of the file's own name, in lower case."""
        return extension_of(self.name)


def extension_of(name: str) -> str:
    """Return what follows the first dot of a member's own name, in lower case."""
    return name.rpartition("/")[2].partition(".")[2].lower()


def without_folder_dot(name: str) -> str:
    """Return a member's name without `./` at its start, which `tar -c .` and `tar -r` write differently."""
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return name


class _Header(tarfile.TarInfo):
    """A header that does not hide damage as the end of the tar and limits the size of long headers."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "_Header":
        file = cast(_Headers, tar.fileobj)
        file.headers += 1  # tarfile calls this function within itself for each header that precedes a member
        if file.headers > HEADERS:
            raise tarfile.ReadError(f"more than {HEADERS} headers for one member at byte {tar.offset}")
        try:
            return super().fromtarfile(tar)
        except tarfile.HeaderError as error:
            # TarFile.next would end quietly at most of these errors; only a block of zeros is the end
            if type(error).__name__ == "EOFHeaderError":
                raise
            raise tarfile.ReadError(f"{error or 'no header'} at byte {tar.offset}") from None

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        header = super().frombuf(buf, encoding, errors)
        if header.type in LONG_HEADERS and header.size > HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {header.size} bytes")
        return header


class _Headers:
    """The stream as `tarfile` reads it, with what the headers of one member may take."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.tell, self.seek = stream.tell, stream.seek
        self.begin(HEADERS_BYTES)

    def begin(self, most: int) -> None:
        """Allow a number of bytes to be read from here on."""
        self.headers, self._left = 0, most

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes; raises tarfile.ReadError when they are more than is allowed."""
        self._left -= size
        if self._left < 0:
            raise tarfile.ReadError(f"headers of more than {HEADERS_BYTES} bytes for one member")
        return self._stream.read(size)


def tar_members(stream: ByteStream, wanted: frozenset[str], longest: int) -> Iterator[Member]:
    """Yield each regular member and each link in order, holding one member in memory.

    Names are only compared: nothing is written to disk.

    Args:
        stream: The tar.
        wanted: Extensions of the members to read; the content of others is empty.
        longest: Maximum size of a member; the content of a larger one is BadRow `row_too_large`, that of a link
            `member_is_link`, since what it points to may lie before it in the tar, or not in the tar at all.

    Raises:
        Broken: The tar is damaged at this point.
    """
    try:
        file = _Headers(stream)
        tar = tarfile.TarFile(fileobj=cast(Any, file), tarinfo=_Header, encoding="utf-8", errors="surrogateescape")
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # otherwise every header stays in memory
            if _is_wanted(member):
                file.begin(longest + HEADERS_BYTES)
                content = _content(tar, member, longest) if extension_of(member.name) in wanted else b""
                yield Member(member.name, content)
            file.begin(HEADERS_BYTES)
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise Broken(error_detail(error)) from None
    if any(block.strip(b"\0") for block in stream.blocks()):
        raise Broken("more data after the end of the archive")


def _is_wanted(member: tarfile.TarInfo) -> bool:
    return not (META.match(member.name) or BESIDE.search(member.name)) and (member.isreg() or _is_link(member))


def _is_link(member: tarfile.TarInfo) -> bool:
    return member.islnk() or member.issym()


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, longest: int) -> bytes | BadRow:
    if _is_link(member):
        return BadRow("member_is_link", f"{member.name} is a link to {member.linkname}; {LINK_ADVICE}")
    if member.size > longest:
        return BadRow("row_too_large", member.name)
    file = tar.extractfile(member)
    assert file is not None
    return file.read()
