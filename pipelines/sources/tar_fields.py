"""Values of the fields of a sample in a tar: from members, or from keys of the .json member."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any, NamedTuple

from ...schemas.dataset.drop_detail import error_detail
from .batches import BadRow
from .json_line import parse_line, pick_license
from .text_blocks import as_utf8
from .text_values import pick_text, used_keys


class Name(NamedTuple):
    """A name of a field: the extension of a member, or a key of the .json member."""

    extension: str
    key: str


Members = dict[str, bytes | BadRow]


def field_name(given: str) -> Name:
    """Return a name as a run file gives it: without a leading dot, the extension in lower case."""
    plain = given.lstrip(".")
    return Name(plain.lower(), plain[5:] if plain.lower().startswith("json.") else given)


def media_value(members: Members, names: tuple[Name, ...], field: str) -> bytes:
    """Return the content of the first of `names` that is a member; raises BadRow."""
    name = next((name.extension for name in names if name.extension in members), None)
    if name is None:
        raise BadRow(f"{field}_missing", f"has {', '.join(members)}")
    return _content(members, name)


def text_value(members: Members, names: tuple[Name, ...], text_from: str | None) -> str | tuple[str, ...]:
    """Return the first of `names` that is a member, or a non-null key of the .json member; raises BadRow."""
    found: dict[str, Any] = {}
    for name in names:
        if name.extension in members:
            try:
                text = as_utf8(_content(members, name.extension)).decode()
                return text if text_from is None else (text,)
            except UnicodeDecodeError as error:
                raise BadRow("utf8_invalid", error_detail(error)) from None
        if "json" in members:
            found = found or parse_json(_content(members, "json"), _used(names))
            try:
                return pick_text(found, [name.key], text_from)
            except BadRow as error:
                if error.reason != "text_missing":
                    raise
    raise BadRow("text_missing", f"has {', '.join([*members, *found])[:200]}")


def license_value(members: Members, names: tuple[Name, ...]) -> str | None:
    """Like `text_value`, but a licence that cannot be read is None."""
    for name in names:
        data = members.get(name.extension)
        if isinstance(data, bytes):
            with suppress(UnicodeDecodeError):
                data = as_utf8(data)
            return data.decode(errors="backslashreplace")
        found = pick_license(json_object(members, names), [name.key])
        if found is not None:
            return found
    return None


def json_object(members: Members, names: tuple[Name, ...]) -> dict[str, Any]:
    """Return the object of the .json member; empty when there is no such member, or one that cannot be read."""
    try:
        return parse_json(_content(members, "json"), _used(names))
    except (BadRow, KeyError):
        return {}


def parse_json(data: bytes, used: Collection[str]) -> dict[str, Any]:
    """Parse a .json member like a line of JSON, also in UTF-16 or UTF-32 with a byte order mark; raises BadRow."""
    try:
        return parse_line(as_utf8(data), used)
    except UnicodeDecodeError as error:
        raise BadRow("utf8_invalid", error_detail(error)) from None


def _used(names: tuple[Name, ...]) -> frozenset[str]:
    return used_keys({"": [name.key for name in names]})


def _content(members: Members, name: str) -> bytes:
    data = members[name]
    if isinstance(data, BadRow):
        raise data
    return data
