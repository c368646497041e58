"""Units of many small files, for sources in which each row is files of its own.

A file of a few kilobytes is no task: files are taken together in the order of their names until they have about the
size of a partition. A row has the label of its file and the row number 0, whatever files it is read with.
"""

from collections.abc import Callable, Iterable, Iterator

import xxhash

from ...schemas.config.sources import Source
from ...schemas.errors import Refusal
from ...schemas.identity import canonical_json
from .base import Drop, RawBatch, Unit, member_label
from .batches import BadRow, RawRow, gather, value_bytes
from .change_detection import require_digest

Members = tuple[str, ...]  # the files of a row below the source's folder, in the order of its fields; "" for none
Values = tuple[str | bytes, ...]
MOST_FILES = 10_000  # of a unit, so that empty files are divided too


def refuse_columns(source: Source) -> None:
    """Raise Refusal when columns are to be kept or filtered: files have none."""
    if source.carried:
        raise Refusal(
            f"`sources.{source.name}` has no column {source.carried[0]!r}, which `keep` or a filter of this run names: "
            "its rows are whole files, which have no columns. Remove the column, or name other `sources` in the filter."
        )


def member_units(path: str, label: str, rows: Iterable[tuple[Members, int]], budget: int) -> list[Unit]:
    """Group rows into units.

    Args:
        path: URL of the folder.
        label: Name of the source's files together, for progress and errors.
        rows: The files of each row, and their size in bytes, sorted by name.
        budget: Bytes of a unit.
    """
    units: list[Unit] = []
    taken: list[Members] = []
    used = 0
    for members, size in rows:
        if taken and (used + size > budget or len(taken) >= MOST_FILES):
            units.append(Unit(path, label, members=tuple(taken)))
            taken, used = [], 0
        taken.append(members)
        used += size
    if taken:
        units.append(Unit(path, label, members=tuple(taken)))
    return units


def member_digest(unit: Unit, read: Callable[[Members], Values]) -> str:
    """Hash the content of all files of a unit, and the labels of its rows."""
    state = xxhash.xxh3_128()
    for _ in _hashed(unit, read, state):
        pass
    return state.hexdigest()


def member_batches(
    unit: Unit, fields: Iterable[str], read: Callable[[Members], Values], budget: int
) -> Iterator[RawBatch]:
    """Read the rows of a unit.

    Args:
        unit: The unit.
        fields: The source's fields.
        read: Reads the values of a row; raises BadRow.
        budget: Bytes of a batch.

    Raises:
        Refusal: A file changed since the unit was hashed.
    """
    state = xxhash.xxh3_128()
    batches = list(gather(fields, _hashed(unit, read, state), budget))
    require_digest(unit, state.hexdigest())
    return iter(batches)


def _hashed(unit: Unit, read: Callable[[Members], Values], state: xxhash.xxh3_128) -> Iterator[RawRow | Drop]:
    for members in unit.members:
        label = member_label(members)
        try:
            values = read(members)
        except BadRow as error:
            state.update(canonical_json([label, error.reason, error.detail]))
            yield Drop(0, error.reason, error.detail, label)
            continue
        state.update(canonical_json([label, *map(value_bytes, values)]))
        for value in values:
            state.update(value.encode() if isinstance(value, str) else value)
        yield RawRow(0, values, label)
