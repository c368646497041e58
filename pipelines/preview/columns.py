"""Columns of a file, or members of a tar, as far as its first rows show them."""

from collections import Counter
from collections.abc import Callable, Iterable

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from ...schemas.config.sources import DatasetsSource, FolderSource, Source
from ..sources.batches import LONGEST_ROW, BadRow
from ..sources.delimited_table import Record
from ..sources.json_line import parse_line
from ..sources.metadata_table import MetadataTable
from ..sources.streams import Broken, ByteStream
from ..sources.tar_members import tar_members

ROWS = 20  # rows of a file that are looked at
LINE = 1 << 20  # bytes in which its first lines are looked for
MOST_FILES, EXTENSIONS = 10_000, 12  # files whose extensions are counted, and extensions that are named


def columns_of(source: Source, url: str) -> list[str]:
    """Return the names that columns of `source` may have, by the first rows of one of its files; [] if unknown."""
    if isinstance(source, DatasetsSource):
        return []
    look: dict[str, Callable[[str], list[str]]] = {
        "jsonl": jsonl_columns,
        "parquet": parquet_columns,
        "webdataset": tar_columns,
        "files": lambda _: ["content"],
    }
    if isinstance(source, FolderSource):
        return pair_columns(source) if source.pair_by else table_columns(source, url)
    return look[source.kind](url)


def jsonl_columns(url: str) -> list[str]:
    """Keys of the first objects of a JSON Lines file."""
    with ByteStream(url) as stream:
        try:
            lines = stream.read(LINE).split(b"\n")[:ROWS]
        except Broken:
            lines = []
    return _keys(lines)


def parquet_columns(url: str) -> list[str]:
    """Columns of a Parquet file."""
    try:
        with fsspec.open(url, "rb") as file:
            return list(pq.read_schema(file).names)
    except pa.ArrowException:
        return []


def tar_columns(url: str) -> list[str]:
    """Extensions of the first members of a tar, and `json.KEY` for the keys of its first .json members."""
    found: dict[str, None] = {}
    documents: list[bytes] = []
    with ByteStream(url) as stream:
        try:
            for count, member in enumerate(tar_members(stream, frozenset({"json"}), LINE)):
                found[member.extension] = None
                if member.extension == "json" and isinstance(member.content, bytes):
                    documents.append(member.content)
                if count > 4 * ROWS:
                    break
        except Broken:
            pass
    return [*found, *(f"json.{key}" for key in _keys(documents))]


def pair_columns(source: FolderSource) -> list[str]:
    """Extensions of the files below a folder whose files are paired by name."""
    fs, root = url_to_fs(source.path)
    found: Counter[str] = Counter()
    for _, _, names in fs.walk(root):
        found.update(name.rpartition(".")[2].lower() for name in names if "." in name)
        if found.total() > MOST_FILES:
            break
    return [name for name, _ in found.most_common(EXTENSIONS)]


def table_columns(source: FolderSource, url: str) -> list[str]:
    """Columns of the table of a folder."""
    found: dict[str, None] = {}
    for count, record in enumerate(MetadataTable(source, url, url, LONGEST_ROW).records()):
        if isinstance(record, Record):
            found |= dict.fromkeys(record.values)
        if count > ROWS:
            break
    return list(found)


def _keys(lines: Iterable[bytes]) -> list[str]:
    found: dict[str, None] = {}
    for line in lines:
        try:
            found |= dict.fromkeys(parse_line(line, ()))
        except BadRow:
            continue
    return list(found)
