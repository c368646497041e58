"""Interface of sources: units of work, their identity by content, and their rows as Arrow tables.

A *unit* is what one task reads: a file, or a range of rows. A reader yields tables of at most `partition_bytes`, so a
file larger than memory is read in bounded memory. A row that cannot be read is a `Drop`, never an exception; an
exception from a reader is a bug or an unreachable store.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from ...schemas.secrets import without_secrets

# Columns that a reader yields: `row` counts from 0 within the unit's file, the others are the source's fields. Only the
# licence may be null.
ROW_FIELDS = {
    "row": pa.int64(),
    "text": pa.string(),
    "image": pa.binary(),
    "audio": pa.binary(),
    "license": pa.string(),
}
TEXTS = pa.list_(pa.string())  # type of `text` for a source with `text_from`: all texts of a row, at least one


def field_type(field: str) -> pa.DataType:
    """Return the type of a column that a reader yields; those beside ROW_FIELDS are JSON texts, which may be null."""
    return ROW_FIELDS.get(field, pa.string())


@dataclass(frozen=True)
class Unit:
    """A file, or rows start..stop of it (`stop` None: to the end), and its version when it was found."""

    path: str = field(repr=False)  # fsspec URL that can be opened directly
    label: str  # name of the file in the ledger and in segments, without machine-specific prefixes
    start: int = 0
    stop: int | None = None
    stamp: str = ""  # version of the file: changes when its content changes
    rows: int | None = None  # number of rows, where it is known without reading them
    most: int | None = None  # only the first rows are read, as many as this; None: all
    members: tuple[tuple[str, ...], ...] = ()  # the files of each row below `path`, if every row is files of its own
    digest: str = ""  # hash of the content, once it is computed

    @property
    def labels(self) -> frozenset[str]:
        """Labels of the files that the unit's rows are in."""
        return frozenset(member_label(files) for files in self.members) or frozenset([self.label])


def member_label(files: tuple[str, ...]) -> str:
    """Return the label of a row that is files of its own: the name of its first file, as valid UTF-8."""
    return next(name for name in files if name).encode(errors="backslashreplace").decode()


@dataclass(frozen=True)
class Drop:
    """A row that is dropped by the reader, with its line for the ledger."""

    row: int  # -1 for the whole file, or for the rest after a truncation
    reason: str  # snake_case, one of a stage's documented reasons
    detail: str = ""
    file: str = ""  # label of the row's file, where it is not that of the unit
    count: int | None = None  # number of rows, if it stands for those beyond `limits.ledger_rows`

    def __post_init__(self) -> None:
        # the detail may quote bad data, but must be short and valid UTF-8 in the ledger, and hold no signed URL
        detail = without_secrets(self.detail)[:300].encode(errors="backslashreplace").decode()
        object.__setattr__(self, "detail", detail)

    @property
    def rows(self) -> int:
        """Number of rows that are dropped."""
        return 1 if self.count is None else self.count


@dataclass(frozen=True)
class RawBatch:
    """Rows that were read together, and rows among them that could not be read."""

    table: pa.Table  # columns of the source's fields; `file` where a row is not in the unit's file
    drops: list[Drop] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Number of all rows, with those that could not be read."""
        return int(self.table.num_rows) + sum(drop.rows for drop in self.drops)


class Reader(Protocol):
    """Reads one source of a run. Construction is cheap and opens no file."""

    def units(self) -> list[Unit]:
        """List all units in a stable order; with `limit` of the source, those of its first rows (`first_units`).

        Raises:
            Refusal: A file or column is missing, or a glob matches nothing.
        """
        ...

    def digest(self, unit: Unit) -> str:
        """Hash all bytes that reading `unit` depends on, but not its path.

        Returns:
            The xxh3-128 in hexadecimal.

        Raises:
            Refusal: The file is changing.
        """
        ...

    def files(self, unit: Unit) -> Iterable[str] | None:
        """Return the URLs of all files that the digest depends on; None if these cannot be told without reading."""
        ...

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """Yield the unit's rows in order, in tables of at most about `partition_bytes`.

        Raises:
            Refusal: The file changed or vanished since it was found or hashed; raised before a row with other content
                is yielded.
        """
        ...
