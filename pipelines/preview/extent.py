"""How much there is of a source: files and bytes by listing them, rows by a few heads."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from fsspec.core import has_magic, url_to_fs
from fsspec.implementations.local import LocalFileSystem

from ...schemas.config.run import Limits
from ...schemas.config.sources import (
    DatasetsSource,
    FolderSource,
    JsonlSource,
    ParquetSource,
    Source,
    WebDatasetSource,
)
from ..sources.base import Unit
from ..sources.files import find
from ..sources.huggingface_load import measure
from ..sources.registry import open_source
from .stream_head import line_head, table_rows, tar_head

HEAD_FILES = 8  # files of a source whose heads are read, evenly spaced
HEAD_BYTES = 8 << 20  # partition size of the readers of heads
SAMPLED = (JsonlSource, ParquetSource, WebDatasetSource)  # kinds whose files are alike and can be read alone


@dataclass(frozen=True)
class Found:
    """A part of a source that is read: units, and the rows that they stand for."""

    source: Source  # the source, cut to this part
    units: tuple[Unit, ...]
    rows: float  # estimated number of rows in this part
    exact: bool


@dataclass(frozen=True)
class Extent:
    """The size of a source, and the parts of it that are read."""

    files: int
    bytes: int | None  # None where the files are not listed
    rows: float
    exact: bool
    ground: str  # how `rows` was found
    parts: tuple[Found, ...]


def extent(source: Source, limits: Limits, rows: int) -> Extent:
    """Measure a source.

    Args:
        source: The source.
        limits: Limits of the run.
        rows: Number of rows that will be read of all parts together.

    Raises:
        Refusal: What `triptych prepare` refuses: a missing file or column, a glob that matches nothing.
    """
    if isinstance(source, SAMPLED):
        return _of_files(source, limits)
    head = source.model_copy(update={"limit": min(rows, source.limit or rows)})
    units = tuple(open_source(head, limits, HEAD_BYTES).units())
    part = Found(head, units, 0, False)
    if isinstance(source, DatasetsSource):
        return _limited(source, Extent(1, None, *measure(source, head.limit or rows), (part,)))
    if units and units[0].members:
        return _limited(source, _of_members(source, limits, part))
    assert isinstance(source, FolderSource)
    return _limited(source, _of_tables(source, part))


def spread(count: int, most: int) -> list[int]:
    """Return the indices of at most `most` of `count` items: the first, the last, and some evenly between."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def sizes(urls: Sequence[str]) -> list[int]:
    """Return the sizes of files in bytes."""
    found = []
    for url in urls:
        fs, path = url_to_fs(url)
        found.append(os.stat(path).st_size if isinstance(fs, LocalFileSystem) else int(fs.info(path)["size"] or 0))
    return found


def _of_files(source: Source, limits: Limits) -> Extent:
    found = find(source.name, source.path)
    every = sizes([url for url, _ in found])
    chosen = [0] if source.limit else spread(len(found), HEAD_FILES)
    parts = [_part(source, *found[index], every[index], limits) for index in chosen]
    rows, read, total = sum(part.rows for part in parts), sum(every[index] for index in chosen), sum(every)
    exact = len(chosen) == len(found) and all(part.exact for part in parts)
    ground = "counted" if exact else f"from {len(chosen)} of {len(found):,} files, by their sizes"
    return _limited(source, Extent(len(found), total, rows * total / max(read, 1), exact, ground, tuple(parts)))


def _part(source: Source, url: str, label: str, size: int, limits: Limits) -> Found:
    """Measure one file: its rows as its metadata have them, or by the bytes that its first rows take."""
    one = source.model_copy(update={"path": url, "limit": None})
    units = list(open_source(one, limits, HEAD_BYTES).units())
    known = [unit.rows for unit in units if unit.rows is not None]
    if len(known) == len(units):
        rows, exact = float(sum(known)), True
    else:
        head = tar_head(url) if isinstance(source, WebDatasetSource) else line_head(url)
        rows, exact = head.rows_of(size), head.whole
    return Found(one, tuple(Unit(**{**vars(unit), "label": label}) for unit in units), rows, exact)


def _of_members(source: Source, limits: Limits, part: Found) -> Extent:
    """Count rows that are files of their own by listing them."""
    whole = open_source(source.model_copy(update={"limit": None}), limits, HEAD_BYTES).units()
    rows = sum(len(unit.members) for unit in whole)
    files = sum(sum(map(bool, members)) for unit in whole for members in unit.members)
    return Extent(files, None, rows, True, "counted", (part,))


def _of_tables(source: FolderSource, part: Found) -> Extent:
    """Measure the rows of a folder by its tables, several if `table` is a glob."""
    pattern = source.table is not None and has_magic(source.table)
    urls = [part.units[0].path]
    if pattern:
        urls = [url for url, _ in find(source.name, f"{source.path.rstrip('/')}/{source.table}")]
    every = sizes(urls)
    chosen = spread(len(urls), HEAD_FILES)
    heads = [table_rows(source, urls[index], every[index]) for index in chosen]
    rows = sum(count for count, _ in heads) * sum(every) / max(sum(every[index] for index in chosen), 1)
    exact = len(chosen) == len(urls) and all(whole for _, whole in heads)
    tables = "the table" if len(urls) == 1 else f"{len(urls):,} tables"
    return Extent(len(urls), None, rows, exact, "counted" if exact else f"by the size of {tables}", (part,))


def _limited(source: Source, whole: Extent) -> Extent:
    if source.limit is None or (whole.exact and whole.rows <= source.limit):
        return whole
    share = min(1.0, source.limit / max(whole.rows, 1))
    size = None if whole.bytes is None else round(whole.bytes * share)
    exact = share < 1
    ground = f"`limit`, of about {whole.rows:,.0f}" if share < 1 else whole.ground
    return Extent(whole.files, size, min(whole.rows, source.limit), exact, ground, whole.parts)
