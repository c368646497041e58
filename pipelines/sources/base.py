"""What every source kind offers: units of work, their identity by content, and their rows as Arrow tables.

A *unit* is what one read task takes: a file, or a range of rows. A reader cuts its rows into tables of at most
`partition_bytes`, so a file larger than memory is read in bounded memory. A row that cannot be read is a
`Drop`, never an exception; an exception from a reader is a bug or an unreachable store.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

# What a reader yields: `row` counts from 0 within the unit's file, the other columns are the source's fields, of which
# the licence alone may be null.
ROW_FIELDS = {
    "row": pa.int64(),
    "text": pa.string(),
    "image": pa.binary(),
    "audio": pa.binary(),
    "license": pa.string(),
}


@dataclass(frozen=True)
class Unit:
    """A file, or rows start..stop of it (`stop` None: to the end), with the content that it had when it was found."""

    path: str  # fsspec URL, openable as it is
    label: str  # what the ledger and the segment's origin call the file; free of machine-specific prefixes
    start: int = 0
    stop: int | None = None
    stamp: str = ""  # of the file: what a change of its content changes
    digest: str = ""  # of the content, once it was identified


@dataclass(frozen=True)
class Drop:
    """A row that goes no further: a line in the ledger."""

    row: int  # -1: the file as a whole, or what follows a truncation
    reason: str  # snake_case, one of a stage's documented reasons
    detail: str = ""

    def __post_init__(self) -> None:
        # it may quote bad data, and must still be short and valid UTF-8 in the ledger
        detail = self.detail[:300].encode(errors="backslashreplace").decode()
        object.__setattr__(self, "detail", detail)


@dataclass(frozen=True)
class RawBatch:
    """Rows read together, and the rows among them that could not be read."""

    table: pa.Table  # columns of ROW_FIELDS that the source has
    drops: list[Drop] = field(default_factory=list)


class Reader(Protocol):
    """One source of a run. Construction is cheap and touches no file."""

    def units(self) -> list[Unit]:
        """Every unit in a stable order; raises Refusal on a missing file, an empty glob, a missing column."""
        ...

    def digest(self, unit: Unit) -> str:
        """xxh3-128 of all bytes that reading `unit` depends on, never of its path; Refusal when they are changing."""
        ...

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """The unit's rows in order, in tables of at most about `partition_bytes`.

        Raises Refusal, before it yields a row of other content, when the file changed or vanished since it was found
        or identified.
        """
        ...
