"""Records of a table in JSON: a file that is a list, or a list in the object that the file holds.

The file is read item by item. Only a second table that is joined to the records is held in memory, and with
`text_from` the texts that are grouped by it.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ...schemas.config.sources import FolderSource
from ...schemas.dataset.drop_detail import error_detail
from ...schemas.errors import Refusal
from .base import Drop
from .batches import BadRow
from .delimited_table import Record
from .expansion import table_blocks
from .json_line import parse_line
from .json_list import NoList, list_items, list_keys
from .streams import Broken, ByteStream
from .text_blocks import text_blocks
from .text_values import pick_text, used_keys

HELD_BYTES = (
    256 << 20
)  # of the used values of a joined table and of grouped texts; in memory they take a few times that
VALUE_BYTES = 64  # what a value is counted for beside its characters


def json_records(source: FolderSource, url: str, label: str, stamp: str, longest: int) -> Iterator[Record | Drop]:
    """Yield the records of a JSON table, numbered from 0.

    Reasons for drops: row_too_large, json_invalid, utf8_invalid, file_truncated, expansion_too_large,
    join_missing.

    Args:
        source: The source.
        url: URL of the table.
        label: Name of the table, for error messages.
        stamp: Version of the file.
        longest: Maximum size of a record, in bytes.

    Raises:
        Refusal: The file has no such list, or a table that is joined is too large or has a record twice.
    """
    if source.join is None:
        return _records(source, url, label, source.records, "records", longest)
    return iter(_joined(source, url, label, stamp, longest))


def lists_of(url: str, longest: int) -> list[str]:
    """Return the keys of the lists in the object that a file holds; empty if it holds none, or is damaged."""
    with ByteStream(url) as stream:
        try:
            return list_keys(text_blocks(table_blocks(url, stream), "json"), longest)
        except Broken:
            return []


def _records(
    source: FolderSource, url: str, label: str, key: str | None, name: str, longest: int
) -> Iterator[Record | Drop]:
    used = used_keys(source.fields)
    with ByteStream(url) as stream:
        try:
            for number, item in enumerate(list_items(text_blocks(table_blocks(url, stream), "json"), key, longest)):
                if item is None:
                    yield Drop(number, "row_too_large", f"over {longest} bytes")
                    continue
                try:
                    yield Record(number, parse_line(item, used))
                except BadRow as error:
                    yield error.drop(number)
        except NoList as error:
            raise _no_list(source, url, label, key, name, longest, error.found) from None
        except Broken as error:
            yield Drop(-1, error.reason, error_detail(error))


def _no_list(
    source: FolderSource, url: str, label: str, key: str | None, name: str, longest: int, found: list[str]
) -> Refusal:
    where = f"`sources.{source.name}.{name}` is {key!r}: {label}"
    if found:
        return Refusal(f"{where} has no such list. Use one of: {', '.join(found)}.")
    if key is None:
        lists = lists_of(url, longest)
        hint = f"Name the list of its records with `records:`: {', '.join(lists)}." if lists else "Check the file."
        return Refusal(f"`sources.{source.name}.table`: {label} is neither JSON lines nor a JSON list. {hint}")
    return Refusal(f"{where} holds no object with lists. Remove `{name}:` if the file itself is the list.")


@lru_cache(maxsize=1)  # a run reads the table once a unit, and a table that fits in memory can be kept there
def _joined(source: FolderSource, url: str, label: str, stamp: str, longest: int) -> tuple[Record | Drop, ...]:
    assert source.join is not None
    mine, _ = source.join.columns
    held = _Held(source, label)
    others = _second_table(source, url, label, longest, held)
    drops: list[Drop] = []
    rows: list[Record] = []
    groups: dict[Any, list[str]] = {}
    for item in _records(source, url, label, source.records, "records", longest):
        if isinstance(item, Drop):
            drops.append(item)
            held.add([item.detail])
            continue
        key = item.values.get(mine)
        other = others.get(key) if isinstance(key, str | int) else None
        if other is None:
            drops.append(Drop(item.number, "join_missing", f"{mine} = {key!r}"))
            held.add([drops[-1].detail])
            continue
        values = held.used(other | item.values)
        if source.text_from is not None:
            try:
                texts = pick_text(values, source.fields["text"], source.text_from)
            except BadRow as error:
                drops.append(error.drop(item.number))
                continue
            held.add(texts)
            known = groups.setdefault(key, [])
            known += texts
            if len(known) > len(texts):
                continue
            values[source.fields["text"][0]] = known
        rows.append(Record(item.number, values))
    items: list[Record | Drop] = [*drops, *rows]
    return tuple(sorted(items, key=_place))


def _place(item: Record | Drop) -> tuple[bool, int]:
    number = item.row if isinstance(item, Drop) else item.number
    return number < 0, number  # the rest of a damaged file comes last


def _second_table(
    source: FolderSource, url: str, label: str, longest: int, held: "_Held"
) -> dict[str | int, dict[str, Any]]:
    """Return the used values of the records of the joined table by the column that they are joined by."""
    assert source.join is not None
    table, (_, theirs) = source.join.table, source.join.columns
    found: dict[str | int, dict[str, Any]] = {}
    for item in _records(source, url, label, table, "join.table", longest):
        if isinstance(item, Drop):  # its records, if it has any, are without a partner
            continue
        key = item.values.get(theirs)
        if isinstance(key, str | int):
            if key in found:
                raise Refusal(
                    f"`sources.{source.name}.join.on`: in {label} two records of {table} have {theirs} = {key!r}. Join "
                    "by a column that tells them apart."
                )
            values = {f"{table}.{name}": value for name, value in item.values.items()} | item.values
            found[key] = held.used(values)
            held.add(found[key].values())
    return found


class _Held:
    """Counts what is held in memory, and refuses a table that is too large."""

    def __init__(self, source: FolderSource, label: str) -> None:
        self._used = used_keys(source.fields)
        self._source, self._label = source, label
        self._bytes = 0

    def used(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values that the source reads."""
        return {name: value for name, value in values.items() if name in self._used}

    def add(self, values: Any) -> None:
        """Count values; raises Refusal when they are too many."""
        self._bytes += sum(len(str(value)) + VALUE_BYTES for value in values)
        if self._bytes > HELD_BYTES:
            raise Refusal(
                f"`sources.{self._source.name}.join`: {self._label} is too large to be joined, since more than "
                f"{HELD_BYTES >> 20} MiB of it had to be held in memory. Join the two tables before, and give the "
                "result as JSON lines or Parquet."
            )
