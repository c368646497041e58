"""Reads rows of the sources again, as they are now, for a person to look at: the beginning of each value.

Beside the fields of a row that its reader accepts, it has the line itself where the source is lines of text, since a
row is often dropped because its line cannot be parsed.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from ...schemas.config.run import RunConfig
from ...schemas.config.sources import JsonlSource, Source
from ...schemas.dataset.reader import Dataset
from ...schemas.errors import Refusal
from ..sources.base import Reader, Unit
from ..sources.registry import open_source
from ..sources.streams import Broken, ByteStream
from .originals import Origin, sources_of

EXCERPT = 500  # characters of a value
MEDIA = ("image", "audio")
Raw = dict[str, Any]
Media = dict[str, bytes]  # the files of a row: `image`, `audio`


class RawRows:
    """Reads raw rows of a dataset; where a source is missing or cannot be read, there are none.

    Args:
        dataset: The dataset.
        kept_bytes: How many bytes of images and clips of the rows that were read last stay in memory.
    """

    def __init__(self, dataset: Dataset, kept_bytes: int = 0) -> None:
        self._kept_bytes = kept_bytes
        self._media: OrderedDict[Origin, Media] = OrderedDict()
        self._config: RunConfig | None = None
        try:
            self._config = sources_of(dataset)
        except Refusal:
            return  # a dataset that was handed on without its sources
        sources = (*self._config.sources, *self._config.decontaminate)
        self._sources = {source.name: source for source in sources}
        self._units: dict[str, tuple[Reader, list[Unit]]] = {}

    def read(self, origins: Iterable[Origin]) -> dict[Origin, Raw]:
        """Read some rows in one pass over each of their files.

        Args:
            origins: (source, file, row) of each row.

        Returns:
            Excerpts of the fields of those that were found: text as it is, an image or a clip as its number of bytes.
        """
        wanted: dict[tuple[str, str], set[int]] = {}
        for source, file, row in origins:
            if row >= 0:
                wanted.setdefault((source, file), set()).add(row)
        found: dict[Origin, Raw] = {}
        for (source, file), rows in wanted.items() if self._config else ():
            try:
                for row, raw in self._rows(source, file, rows):
                    found[source, file, row] = raw
            except (Refusal, OSError, Broken):
                continue  # moved, changed or damaged since
        return found

    def media(self, origin: Origin) -> Media:
        """Read the image and the clip of a row; empty where it has none, or cannot be read any more."""
        if origin not in self._media:
            self.read([origin])
        return self._media.get(origin, {})

    def _keep(self, origin: Origin, line: Raw) -> None:
        files = {name: line[name] for name in MEDIA if isinstance(line.get(name), bytes)}
        if files and self._kept_bytes:
            self._media[origin] = files
            self._media.move_to_end(origin)
            left = sum(len(data) for each in self._media.values() for data in each.values())
            while left > self._kept_bytes and len(self._media) > 1:  # the row that is looked at stays in any case
                _, gone = self._media.popitem(last=False)
                left -= sum(map(len, gone.values()))

    def _rows(self, name: str, file: str, rows: set[int]) -> Iterator[tuple[int, Raw]]:
        source = self._sources[name]
        reader, units = self._opened(source)
        for unit in units:
            if file not in unit.labels:
                continue
            if isinstance(source, JsonlSource):
                yield from _lines(unit, rows)
                continue
            last = max(rows)
            for batch in reader.read(unit):
                numbers = batch.table["row"].to_pylist()
                at = [index for index, number in enumerate(numbers) if number in rows]
                for line in batch.table.take(pa.array(at, pa.int64())).to_pylist():
                    if line.pop("file", file) in (file, None):
                        row = line.pop("row")
                        self._keep((name, file, row), line)
                        yield row, {key: value for field in line.items() for key, value in _shown(*field)}
                if numbers and numbers[-1] >= last and not unit.members:
                    break

    def _opened(self, source: Source) -> tuple[Reader, list[Unit]]:
        if source.name not in self._units:
            assert self._config is not None
            reader = open_source(source, self._config.limits, self._config.partition_bytes)
            self._units[source.name] = (reader, reader.units())
        return self._units[source.name]


def _lines(unit: Unit, rows: set[int]) -> Iterator[tuple[int, Raw]]:
    """The lines of a file with some numbers; of a long one only the beginning is held."""
    number, held, last = 0, b"", max(rows)
    with ByteStream(unit.path) as stream:
        for block in stream.blocks():
            *ends, rest = block.split(b"\n")
            for end in ends:
                if number in rows:
                    yield number, {"line": _excerpt(held + end[: 4 * EXCERPT])}
                number, held = number + 1, b""
            if number > last:
                return
            held = (held + rest)[: 4 * EXCERPT] if number in rows else b""
        if number in rows and held:
            yield number, {"line": _excerpt(held)}


def _shown(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, bytes):
        yield f"{name}_bytes", len(value)
    elif value is not None:
        yield name, _excerpt(value.encode()) if isinstance(value, str) else value


def _excerpt(value: bytes) -> str:
    text = value.decode(errors="backslashreplace")
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"
