"""Looks for the columns to keep or to filter in the first rows of files that have no schema."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ...schemas.config.sources import Source
from ...schemas.errors import Refusal
from .base import Unit
from .columns import key_of_column
from .streams import Broken, ByteStream

FILES = 8  # files of a source that are looked into
HEAD_BYTES = 1 << 20  # of each


def require_in_heads(source: Source, heads: Iterable[Iterable[dict[str, Any]]]) -> None:
    """Raise Refusal when a column to keep or to filter is in none of the first rows of the first files.

    Args:
        source: The source.
        heads: Parsed rows of each file; only as many files are read as needed.
    """
    missing = set(source.carried)
    seen: dict[str, None] = {}
    if not missing:
        return
    for head in heads:
        for row in head:
            seen |= dict.fromkeys(row)
        missing -= seen.keys()
        if not missing:
            return
    if seen:
        column = next(column for column in source.carried if column in missing)
        names = ", ".join(map(str, seen))[:300]
        raise Refusal(
            f"{key_of_column(source, column)}: the first rows of the first files have no such column. Use one of: "
            f"{names}."
        )


def json_heads(units: Sequence[Unit]) -> Iterator[list[dict[str, Any]]]:
    """Yield the objects in the first lines of the first files; lines that cannot be parsed are passed over."""
    for unit in units[:FILES]:
        rows = []
        try:
            with ByteStream(unit.path) as stream:
                lines = stream.read(HEAD_BYTES).split(b"\n")
        except Broken:
            lines = []
        for line in lines:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict):
                rows.append(row)
        yield rows
