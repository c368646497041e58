"""Keeps taken-down documents out of a dataset; their ids are in `takedown.txt` beside the manifest.

An id is a hash of the source's name, the file's content and the row. When a file changes, its documents get other ids,
and a taken-down document would come back unnoticed; in that case a run is refused.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.errors import Refusal
from ...schemas.identity import fingerprint, parse_json
from ...schemas.storage.store import Store
from ..engines.partition import Outcome, drop_rows

TAKEN_DOWN_VERSION = 1
TAKEN_DOWN = "takedown.txt"
STAGE = "takedown"  # name of the stage, and the reason
STAGED = "_takedown/"  # where a takedown prepares the files to publish
_ID = re.compile(r"[0-9a-f]{32}")


def parse_ids(lines: Iterable[str], where: str) -> list[str]:
    """Parse document ids.

    Args:
        lines: Each an id in hexadecimal, or JSON: an object with `id`, or a list of ids or such objects. Blank lines
            are ignored.
        where: Name of the file, for the error message.

    Returns:
        The sorted distinct ids.

    Raises:
        Refusal: A line holds anything else.
    """
    found: set[str] = set()
    for number, line in enumerate(lines, 1):
        if line.strip():
            ids = _ids_of(line.strip())
            if not ids:
                raise Refusal(
                    f"{where}, line {number}: {line.strip()[:60]!r} is not a document id. Give 32 hexadecimal digits "
                    "per line, or lines of JSON with an `id`, as `triptych show --json` prints them."
                )
            found.update(ids)
    return sorted(found)


def is_id(text: str) -> bool:
    """True for a document id in hexadecimal."""
    return _ID.fullmatch(text.lower()) is not None


def _ids_of(line: str) -> list[str]:
    if is_id(line):
        return [line.lower()]
    try:
        value: Any = parse_json(line)
    except ValueError:
        return []
    values = value if isinstance(value, list) else [value]
    ids = [str(item.get("id") if isinstance(item, dict) else item).lower() for item in values]
    return ids if all(map(is_id, ids)) else []


def taken_down(store: Store) -> list[str]:
    """Return the sorted ids in the dataset's `takedown.txt`."""
    if not store.exists(TAKEN_DOWN):
        return []
    return parse_ids(store.read(TAKEN_DOWN).decode().splitlines(), f"{store.url}/{TAKEN_DOWN}")


def id_array(ids: Iterable[str]) -> pa.Array:
    """Convert hexadecimal ids to the type of the tables."""
    return pa.array([bytes.fromhex(each) for each in ids], pa.binary(16))


@dataclass(frozen=True)
class DropTakenDown:
    """Drops the rows with given ids."""

    ids: tuple[str, ...]
    name: str = STAGE
    counted: bool = True

    def identity(self) -> list[object]:
        """Version and ids."""
        return [TAKEN_DOWN_VERSION, fingerprint(self.ids)]

    def run(self, table: pa.Table) -> Outcome:
        """Drop the taken-down rows of a RAW table; the detail is the id."""
        mask = pc.is_in(table["id"], value_set=id_array(self.ids)).to_numpy()
        reasons = {row: (STAGE, table["id"][row].as_py().hex()) for row in np.flatnonzero(mask).tolist()}
        return Outcome(*drop_rows(self.name, table, reasons))


def ids_to_drop(store: Store) -> tuple[str, ...]:
    """Return the ids of the documents that were taken down, after an interrupted takedown is cleared up."""
    for name in store.names(STAGED):  # its ids are already in takedown.txt
        store.delete(name)
    return tuple(taken_down(store))


def require_all_dropped(store: Store, ids: Sequence[str], dropped: int) -> None:
    """Check that all documents that were taken down were found.

    Args:
        store: The dataset.
        ids: The ids of the documents.
        dropped: Rows that were dropped.

    Raises:
        Refusal: Not all of them are in the sources, so some may have got other ids.
    """
    if dropped < len(ids):
        raise Refusal(
            f"{store.url}/{TAKEN_DOWN}: {len(ids) - dropped} of {len(ids)} documents that were taken "
            "down are not in the sources. They may have been removed, or may be in a file that changed, where they "
            "have other ids and would come back. Make sure that the sources do not hold them, then delete "
            f"{TAKEN_DOWN}."
        )
