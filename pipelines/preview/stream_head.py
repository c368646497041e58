"""The head of a file that is read as a stream: how many rows it has, and how many bytes of the file they take."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.config.sources import FolderSource
from ..sources.content_type import head_of
from ..sources.json_list import NoList, list_items
from ..sources.streams import Broken, ByteStream
from ..sources.table_format import table_format
from ..sources.tar_members import tar_members

HEAD = 1 << 20  # decompressed bytes of a text file that are counted
BLOCK = 1 << 16
ITEMS = 2000  # records of a JSON document that are counted
SAMPLES, TAR_HEAD = 64, 32 << 20  # samples of a tar that are counted, and bytes after which counting ends


@dataclass(frozen=True)
class StreamHead:
    """Rows at the start of a file, and the bytes of the file, compressed as they are, that hold them."""

    rows: int
    consumed: int
    whole: bool  # True when these are all rows of the file

    def rows_of(self, size: int) -> float:
        """Estimate the rows of the whole file, or of files of `size` bytes like it."""
        return self.rows if self.whole else self.rows * size / max(self.consumed, 1)


def line_head(url: str) -> StreamHead:
    """Count the lines that are not blank in the first bytes of a file."""
    rows = read = 0
    last = b""
    with ByteStream(url) as stream:
        try:
            while read < HEAD and (block := stream.read(BLOCK)):
                read += len(block)
                lines = (last + block).split(b"\n")
                last = lines.pop()
                rows += sum(1 for line in lines if line.strip())
            whole = read < HEAD
        except Broken:
            whole = True
        return StreamHead(max(1, rows + bool(whole and last.strip())), stream.consumed, whole)


def tar_head(url: str) -> StreamHead:
    """Count the samples in the first members of a tar, whose contents are skipped."""
    keys: dict[str, None] = {}
    with ByteStream(url) as stream:
        try:
            for member in tar_members(stream, frozenset(), 0):
                folder, _, file = member.name.rpartition("/")
                keys[f"{folder}/{file.partition('.')[0]}"] = None
                if len(keys) > SAMPLES or stream.tell() > TAR_HEAD:
                    return StreamHead(max(1, len(keys) - 1), stream.consumed, False)
        except Broken:
            pass
        return StreamHead(len(keys), stream.consumed, True)


def table_rows(source: FolderSource, url: str, size: int) -> tuple[float, bool]:
    """Estimate the records of a folder's table of `size` bytes; the second value is True when they were counted."""
    found = table_format(source, url, head_of(url))
    if found.kind == "parquet":
        try:
            with fsspec.open(url, "rb") as file:
                return pq.read_metadata(file).num_rows, True
        except pa.ArrowException:
            return 1, True
    head = item_head(url, source.records) if found.kind == "json" else line_head(url)
    header = found.kind == "text" and source.columns is None
    return max(head.rows_of(size) - header, 0), head.whole


def item_head(url: str, key: str | None) -> StreamHead:
    """Count the first items of a list in a JSON file."""
    count = 0
    with ByteStream(url) as stream:
        with suppress(Broken, NoList):
            for _ in islice(list_items(stream.blocks(BLOCK), key, HEAD), ITEMS):
                count += 1
        return StreamHead(max(1, count), stream.consumed, count < ITEMS)
