"""The format of a folder's table, by its name, its first bytes and the keys of the source."""

import json
import posixpath
from typing import Final, Literal, NamedTuple

from ...schemas.config.sources import FolderSource
from ...schemas.config.table_format import FIRST_SPACE
from ...schemas.errors import Refusal
from .content_type import PARQUET, content_of
from .delimited_table import Dialect

NAMES: Final = ("metadata.csv", "metadata.jsonl", "metadata.parquet")  # of a table whose name is not given
JSON_LINES: Final = (".jsonl", ".ndjson")


class TableFormat(NamedTuple):
    """A kind of table; `dialect` is that of text tables."""

    kind: Literal["text", "jsonl", "parquet"]
    dialect: Dialect | None = None


def table_format(source: FolderSource, path: str, head: bytes) -> TableFormat:
    """Return the format of a table.

    Args:
        source: The source, with its keys of text tables.
        path: Path of the table.
        head: Its first bytes, decompressed.

    Raises:
        Refusal: The table has a format that is not read, or a key of text tables is given for another format.
    """
    name = posixpath.basename(path)
    content = content_of(head)
    if content is PARQUET or (name.lower().endswith(".parquet") and content is None):
        found = TableFormat("parquet")
    elif content is not None:
        raise Refusal(f"`sources.{source.name}.table`: {name} is {content.name}. {content.advice}")
    elif any(ending in name.lower() for ending in JSON_LINES) or _is_json(source, name, head):
        found = TableFormat("jsonl")
    else:
        return TableFormat("text", _dialect(source, name))
    given = [key for key in ("delimiter", "quoting", "columns") if getattr(source, key) is not None]
    if given:
        kind = "a Parquet file" if found.kind == "parquet" else "JSON lines"
        raise Refusal(f"`sources.{source.name}.{given[0]}` is for tables of text; {name} is {kind}. Remove the key.")
    return found


def _dialect(source: FolderSource, name: str) -> Dialect:
    tabs = ".tsv" in name.lower()
    delimiter = source.delimiter or ("\t" if tabs else ",")
    quoting = source.quoting or ("none" if tabs or delimiter == FIRST_SPACE else "csv")
    return Dialect(delimiter, quoted=quoting == "csv", given=source.quoting is not None)


def _is_json(source: FolderSource, name: str, head: bytes) -> bool:
    if ".json" not in name.lower():
        return False
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" and _begins_with_object(head):
        return True
    raise Refusal(
        f"`sources.{source.name}.table`: {name} is not JSON lines. Write one object a line, for example with "
        f"`jq -c '.[]' {name} > metadata.jsonl`."
    )


def _begins_with_object(head: bytes) -> bool:
    line, newline, _ = head.lstrip().partition(b"\n")
    try:
        json.loads(line)
    except ValueError:
        return not newline  # a first line longer than the head
    return True
