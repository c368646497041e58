"""Reader of whole files as texts, one document a file."""

import codecs
from collections.abc import Iterable, Iterator
from itertools import islice

from fsspec.core import url_to_fs

from ...schemas.config.run import Limits
from ...schemas.config.sources import FilesSource
from ...schemas.dataset.drop_detail import error_detail
from .base import RawBatch, Unit
from .batches import LONGEST_ROW, BadRow
from .files import find
from .members import Members, member_batches, member_digest, member_units, refuse_columns
from .streams import Broken, ByteStream
from .text_blocks import as_utf8


class FilesReader:
    """Reads .txt, .md, code and other text files, also compressed; the label of a row is its file, its number is 0."""

    def __init__(self, source: FilesSource, limits: Limits, partition_bytes: int) -> None:
        self._source = source
        self._longest = min(limits.row_bytes, LONGEST_ROW)
        self._budget = partition_bytes
        self._utf8 = codecs.lookup(source.encoding).name == "utf-8"
        self._invalid = "utf8_invalid" if self._utf8 else "encoding_invalid"

    def units(self) -> list[Unit]:
        """List runs of files of about `partition_bytes`, in the order of their names."""
        refuse_columns(self._source)
        files = find(self._source.name, self._source.path)
        fs, _ = url_to_fs(self._source.path)
        names = [url.partition("::")[0] for url, _ in files]
        archive = files[0][0].removeprefix(names[0])  # `zip://notes/a.txt::a.zip` is a file of an archive
        folder = _folder(names[0], files[0][1])
        sized = (((name.removeprefix(folder),), int(fs.size(fs._strip_protocol(name)) or 0)) for name in names)
        return member_units(folder + archive, self._source.name, islice(sized, self._source.limit), self._budget)

    def files(self, unit: Unit) -> Iterable[str]:
        """Return the URLs of the unit's files, or of the archive that they are in."""
        folder, separator, archive = unit.path.partition("::")
        return (archive,) if separator else (folder + members[0] for members in unit.members)

    def digest(self, unit: Unit) -> str:
        """Hash the texts and the names of the files."""
        return member_digest(unit, lambda members: self._values(unit.path, members))

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """Read a unit, see `Reader.read`.

        Reasons: row_too_large, utf8_invalid, encoding_invalid, file_truncated, file_unreadable.
        """
        return member_batches(unit, ("text",), lambda members: self._values(unit.path, members), self._budget)

    def _values(self, root: str, members: Members) -> tuple[str]:
        try:
            folder, separator, archive = root.partition("::")
            with ByteStream(folder + members[0] + separator + archive) as stream:
                data = b"".join(self._blocks(stream))
        except Broken as error:
            raise BadRow(error.reason, error_detail(error)) from None
        except (PermissionError, FileNotFoundError) as error:
            raise BadRow("file_unreadable", error.strerror or "") from None
        try:
            text = as_utf8(data).decode() if self._utf8 else data.decode(self._source.encoding)
            text.encode()
            return (text,)
        except UnicodeError as error:
            raise BadRow(self._invalid, error_detail(error)) from None

    def _blocks(self, stream: ByteStream) -> Iterator[bytes]:
        size = 0
        for block in stream.blocks():
            size += len(block)
            if size > self._longest:
                raise BadRow("row_too_large", f"over {self._longest} bytes")
            yield block


def _folder(url: str, label: str) -> str:
    """Return the URL of the folder that a label is relative to."""
    return "/".join(url.split("/")[: -label.count("/") - 1]) + "/"
