"""Recognises the members of one sample that lie apart from each other in a tar.

A tar is read as a stream, in which the members of a sample must be adjacent. In a tar that was not sorted by name,
every sample falls into parts; without more ado each would be dropped, as a sample without its image or its text.
"""

from collections.abc import Iterator
from typing import NamedTuple

import xxhash

from .base import Drop
from .batches import LateDrop, RawRow

# samples that are remembered, in at most about 100 MB; parts with more between them are taken for samples of their own
REMEMBERED = 1 << 17
ADVICE = "its members lie apart in the tar; sort it, for example with `tar --sort=name`"


class Part(NamedTuple):
    """Adjacent members of a sample, and what they give when they are all of it."""

    key: str
    fields: frozenset[str]  # fields of the source for which they have a member
    row: RawRow | Drop
    incomplete: bool  # a member is missing


class Apart:
    """Turns parts into rows and drops; a sample in parts is dropped once."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[Drop, frozenset[str]]] = {}  # incomplete parts, by a hash of their keys
        self._done: dict[int, bool] = {}  # True: read as a whole, False: dropped as scattered

    def add(self, part: Part) -> Iterator[RawRow | Drop | None]:
        """Yield what is known after another part; None stands for a drop that is yielded later."""
        key = xxhash.xxh3_64_intdigest(part.key.encode(errors="surrogateescape"))
        if not part.incomplete:
            if key in self._held and not self._held[key][1]:
                del self._held[key]  # only members of the same sample that are not read
            yield from self._release(key)
            self._done[key] = True
            yield part.row
            return
        assert isinstance(part.row, Drop)
        if key in self._held:
            drop, fields = self._held[key]
            if not part.fields <= fields:
                del self._held[key]
                self._done[key] = False
                yield LateDrop(drop.row, "member_scattered", f"{part.key}: {ADVICE}")
            elif part.fields:
                yield part.row
        elif key in self._done:
            if self._done[key] and part.fields:
                yield Drop(part.row.row, "member_scattered", f"{part.key}: {ADVICE}")
        else:
            self._held[key] = part.row, part.fields
            yield None
        if len(self._held) > REMEMBERED:
            yield from self._release(next(iter(self._held)))
        if len(self._done) > REMEMBERED:
            del self._done[next(iter(self._done))]

    @property
    def waiting(self) -> int:
        """Number of drops that are yielded later, since other parts of their samples may follow."""
        return len(self._held)

    def end(self) -> Iterator[Drop]:
        """Yield the drops of incomplete samples, of which no other part was found."""
        for key in list(self._held):
            yield from self._release(key)

    def _release(self, key: int) -> Iterator[Drop]:
        if key in self._held:
            drop, _ = self._held.pop(key)
            yield LateDrop(drop.row, drop.reason, drop.detail)
