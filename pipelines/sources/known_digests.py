"""Keeps the digests of units, so that inputs that look unchanged are not read again when a run is resumed.

A file looks unchanged while its size, its two times and its inode are the same, or the version that an object store
states. `triptych prepare --recheck` reads everything again, and `triptych verify --deep` compares it with the dataset.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ...schemas.identity import canonical_json
from ...schemas.storage.store import WORK, Store
from .base import Unit
from .change_detection import lasting_stamp

KNOWN = f"{WORK}/inputs.arrow"
LINE = pa.schema([pa.field(name, pa.binary(16), nullable=False) for name in ("unit", "mark", "digest")])


class Known(NamedTuple):
    """The digest of a unit, and the mark of its files before they were read; None if they have no lasting mark."""

    mark: bytes | None
    digest: str


@dataclass(frozen=True)
class KnownDigests:
    """Digests that earlier runs computed, with the columns of LINE."""

    lines: pa.Table

    @classmethod
    def read(cls, store: Store) -> "KnownDigests":
        """Read what an earlier run kept; nothing where that is missing or damaged, which only costs time."""
        with suppress(FileNotFoundError, pa.ArrowException):
            lines = pa.ipc.open_file(pa.BufferReader(store.read(KNOWN))).read_all()
            lines.validate(full=True)
            if lines.schema == LINE:
                return cls(lines)
        return cls(LINE.empty_table())

    def find(self, units: Sequence[bytes]) -> list[Known | None]:
        """Return what is known of each unit, given by `unit_key`."""
        places = pc.index_in(pa.array(units, pa.binary(16)), value_set=self.lines["unit"].combine_chunks())
        found = self.lines.select(["mark", "digest"]).take(places)
        pairs = zip(found["mark"].to_pylist(), found["digest"].to_pylist(), strict=True)
        return [None if mark is None else Known(mark, digest.hex()) for mark, digest in pairs]

    def keep(self, store: Store, units: Sequence[bytes], found: Sequence[Known]) -> None:
        """Write what is known now, if it is something else; units without a lasting mark are left out."""
        kept = [(unit, mark, bytes.fromhex(digest)) for unit, (mark, digest) in zip(units, found, strict=True) if mark]
        columns = list(zip(*kept, strict=True)) or [()] * len(LINE)
        lines = pa.table([pa.array(column, pa.binary(16)) for column in columns], schema=LINE)
        if lines != self.lines:
            with store.create(KNOWN) as sink, pa.ipc.new_file(sink, LINE) as writer:
                writer.write_table(lines)


def unit_key(source: str, unit: Unit) -> bytes:
    """Identify a unit by where it is and by what is read of it.

    Args:
        source: Fingerprint of everything else that the digest depends on.
        unit: The unit.
    """
    parts = [source, unit.path, unit.label, unit.start, unit.stop, unit.most]
    state = xxhash.xxh3_128(canonical_json(list(map(repr, parts))))
    for files in unit.members:
        state.update(repr(files).encode())
    return state.digest()


def mark_of(files: Iterable[str] | None) -> bytes | None:
    """Return a value that changes when one of some files changes; None if they are not known, or one has no version."""
    if files is None:
        return None
    state = xxhash.xxh3_128()
    for url in dict.fromkeys(files):
        try:
            stamp = lasting_stamp(url)
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            stamp = type(error).__name__
        if stamp is None:
            return None
        state.update(f"{url!r} {stamp}\n".encode())
    return state.digest()
