"""The format of a folder's table, by its name, its first bytes and the keys of the source."""

import posixpath
from typing import Final, Literal, NamedTuple

from ...schemas.config.sources import FolderSource
from ...schemas.config.table_format import FIRST_SPACE
from ...schemas.errors import Refusal
from ...schemas.identity import parse_json
from .content_type import HEAD, PARQUET, content_of
from .delimited_table import Dialect
from .json_document import SEVERAL_LINES, document_of

NAMES: Final = ("metadata.csv", "metadata.jsonl", "metadata.parquet")  # of a table whose name is not given
JSON_LINES: Final = (".jsonl", ".ndjson")


class TableFormat(NamedTuple):
    """A kind of table; `dialect` is that of text tables."""

    kind: Literal["text", "jsonl", "json", "parquet"]
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
    elif any(ending in name.lower() for ending in JSON_LINES):
        found = TableFormat("json" if _is_document(source, head) else "jsonl")
    elif ".json" in name.lower():
        found = TableFormat("jsonl" if source.records is None and _is_json_lines(head) else "json")
    else:
        found = TableFormat("text", _dialect(source, name))
    if source.records is not None and found.kind != "json":
        raise Refusal(
            f"`sources.{source.name}.records` is for tables that are one JSON object; {name} is not. Remove it."
        )
    given = [key for key in ("delimiter", "quoting", "columns") if getattr(source, key) is not None]
    if given and found.kind != "text":
        kind = {"parquet": "a Parquet file", "jsonl": "JSON lines", "json": "JSON"}[found.kind]
        raise Refusal(f"`sources.{source.name}.{given[0]}` is for tables of text; {name} is {kind}. Remove the key.")
    return found


def _dialect(source: FolderSource, name: str) -> Dialect:
    tabs = ".tsv" in name.lower()
    delimiter = source.delimiter or ("\t" if tabs else ",")
    quoting = source.quoting or ("none" if tabs or delimiter == FIRST_SPACE else "csv")
    return Dialect(delimiter, quoted=quoting == "csv", given=source.quoting is not None)


def _is_document(source: FolderSource, head: bytes) -> bool:
    """True if a file with the name of JSON lines is a JSON list, or an object over several lines that holds records."""
    what = document_of(head.decode("utf-8-sig", errors="replace"), len(head) == HEAD)
    return bool(what) and (source.records is not None or what != SEVERAL_LINES)


def _is_json_lines(head: bytes) -> bool:
    """True if a file begins with an object that ends in its first line, or goes on beyond the head."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    line, newline, _ = text.partition(b"\n")
    try:
        parse_json(line)
    except ValueError:
        return text.startswith(b"{") and not newline
    return text.startswith(b"{")
