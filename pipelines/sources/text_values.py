"""The text of a record, which may be in a list: a string, or with `text_from` a tuple of strings.

What becomes of a list is decided later, when the rows have ids (`text_choice.py`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ...schemas.config.layouts import items_of
from .batches import BadRow


def pick_text(values: Mapping[str, Any], columns: Iterable[str], text_from: str | None = None) -> str | tuple[str, ...]:
    """Return the text of the first of `columns` that exists and is not null.

    Args:
        values: The record, by column.
        columns: Names of columns, or paths to a field of a list's items, as `conversations[from=gpt].value`.
        text_from: The key of the source. Without it a list is no text, and a path gives the first item that it finds.

    Returns:
        The text; with `text_from` all texts of the list, at least one.

    Raises:
        BadRow: There is no text, or it is no string or not valid Unicode.
    """
    value = next((found for column in columns if (found := _look_up(values, column, text_from)) is not None), None)
    if value is None:
        raise BadRow("text_missing", "has " + (", ".join(map(str, values))[:200] or "nothing"))
    if text_from is None:
        return _checked(value)
    return tuple(_checked(each) for each in (value if isinstance(value, list) else [value]))


def used_keys(fields: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return the keys that the fields of a source read from a record; of a path, that of its list."""
    columns = {column for names in fields.values() for column in names}
    return frozenset(columns | {items.column for column in columns if (items := items_of(column))})


def _look_up(values: Mapping[str, Any], column: str, text_from: str | None) -> Any:
    value = values.get(column)
    items = items_of(column) if value is None else None
    if items is not None:
        value = [
            item.get(items.field)
            for item in _list(values.get(items.column))
            if isinstance(item, dict) and (items.key is None or str(item.get(items.key)) == items.value)
        ]
        if text_from is None:
            return next((each for each in value if each is not None), None)
    if isinstance(value, list) and text_from is not None:
        return [each for each in value if each is not None] or None
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _checked(value: Any) -> str:
    if not isinstance(value, str):
        raise BadRow("text_not_string", type(value).__name__)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadRow("utf8_invalid", error.reason) from None
    return value
