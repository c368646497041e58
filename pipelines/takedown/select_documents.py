"""Selects the documents of a takedown, and says what they are.

They are named by id, content, source, file or a column that the dataset keeps.

Rows of the table of duplicates are selected too, since a survivor has their content, and so are documents that were
taken down before, so that a takedown can be repeated.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.dataset.kept import kept_texts
from ...schemas.dataset.layout import as_mask
from ...schemas.dataset.reader import Dataset
from ...schemas.dataset.tables import KEPT
from ...schemas.errors import Refusal
from ..filters.taken_down import STAGE, id_array
from ..inspection.find_documents import ids_by_content, require_source
from ..inspection.recount_statistics import tokens_by_segment
from .clusters import connected_ids
from .rewrite import ids_in, pieces_of


@dataclass(frozen=True)
class Selection:
    """Conditions that a document must all meet; those that are not given are met.

    Attributes:
        ids: Ids or contents in hexadecimal; the content of a document is the same in every preparation.
        source: Name of its source.
        file: Label of its file, or a glob of labels.
        match: Glob of the whole value by column: `license`, or one that the dataset keeps.
    """

    ids: Sequence[str] | None = None
    source: str | None = None
    file: str | None = None
    match: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Removal:
    """What a takedown of some ids removes: (documents, tokens) by source, of so many shards; and ids in no shard."""

    sources: Mapping[str, tuple[int, int]]
    shards: int
    withheld: int


def select(dataset: Dataset, wanted: Selection) -> list[str]:
    """Return the sorted ids of the documents that meet all conditions; of `ids` alone also unknown names.

    Raises:
        Refusal: A source or a column does not exist, or no document meets the conditions.
    """
    ids = None if wanted.ids is None else _with_contents(dataset, wanted.ids)
    if ids is not None and wanted.source is None and wanted.file is None and not wanted.match:
        return ids
    if wanted.source is not None:
        require_source(dataset.manifest, wanted.source)
    _require_columns(dataset, wanted.match)
    found = {each for table in _documents(dataset, wanted.match) for each in _met(table, wanted)}
    if ids is not None:
        found &= set(ids)
    if not found:
        raise Refusal(f"no document of {dataset.url} meets all conditions. Nothing was changed.", exit_code=1)
    return sorted(found)


def _with_contents(dataset: Dataset, names: Sequence[str]) -> list[str]:
    """The sorted names, with the ids of their documents in place of contents."""
    found = ids_by_content(dataset, map(bytes.fromhex, names))
    return sorted({each.hex() for name in names for each in found.get(bytes.fromhex(name), [bytes.fromhex(name)])})


def _require_columns(dataset: Dataset, match: Mapping[str, str]) -> None:
    kept = sorted({name for source in dataset.manifest.config["sources"] for name in source.get("keep", ())})
    for name in match:
        if name not in ("license", *kept):
            raise Refusal(
                f"--match {name}: the dataset keeps no such column. It has {', '.join(['license', *kept])}; others "
                "must be in `keep` of a source when the dataset is prepared."
            )


def _documents(dataset: Dataset, match: Mapping[str, str]) -> Iterator[pa.Table]:
    """Tables of `id`, `source` and `file`, for `match` also of `license` and what the run keeps."""
    for entry in dataset.manifest.shards:
        segments = dataset.open(entry).batch.column("segments").flatten()
        names = [
            name for name in ("id", "source", "file", "license", KEPT.name) if segments.type.get_field_index(name) >= 0
        ]
        columns = {name: segments.field(name) for name in names}
        yield pa.table({name: column if name == "id" else column.cast(pa.string()) for name, column in columns.items()})
    if match:
        return  # the tables of duplicates and of dropped rows have neither licences nor ids of kept columns
    yield from pieces_of(dataset, dataset.manifest.duplicates, ["id", "source", "file"])
    for dropped in pieces_of(dataset, dataset.manifest.dropped, ["stage", "source", "file", "detail"]):
        before = dropped.filter(pc.equal(dropped["stage"], STAGE))
        yield before.select(["source", "file"]).append_column("id", id_array(before["detail"].to_pylist()))


def _met(table: pa.Table, wanted: Selection) -> Iterator[str]:
    mask = np.ones(len(table), bool)
    if wanted.source is not None:
        mask &= as_mask(pc.equal(table["source"], wanted.source))
    if wanted.file is not None:
        mask &= _where(table["file"], lambda label: label == wanted.file, _glob(wanted.file))
    for name, pattern in wanted.match.items():
        if name == "license":
            mask &= _where(table[name], _glob(pattern))
        else:
            mask &= _where(pa.chunked_array([kept_texts(table[KEPT.name], name)]), _glob(pattern))
    for each in table["id"].filter(pa.array(mask)).unique().to_pylist():
        yield each.hex()


def _where(column: pa.ChunkedArray, *tests: Callable[[str], bool]) -> np.ndarray:
    """(rows,) mask of the values that pass one of the tests, each of which is made once a distinct value."""
    values = column.unique()
    passed = [value for value in values.to_pylist() if value is not None and any(test(value) for test in tests)]
    return as_mask(pc.is_in(column, value_set=pa.array(passed, pa.string())))


def _glob(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(translate(pattern))
    return lambda value: compiled.match(value) is not None


def removal(dataset: Dataset, ids: Sequence[str]) -> Removal:
    """Find what a takedown of `ids` removes from the shards, duplicates included.

    Args:
        dataset: The dataset.
        ids: Document ids in hexadecimal.
    """
    listed = dataset.manifest.duplicates
    duplicates = connected_ids(lambda: pieces_of(dataset, listed, ["id", "cluster"]), id_array(ids))
    wanted = id_array({*ids, *(each.hex() for each in duplicates.to_pylist())})
    documents: dict[str, dict[bytes, int]] = {}
    shards = 0
    for entry in dataset.manifest.shards:
        shard = dataset.open(entry)
        if not len(ids_in(shard, wanted)):
            continue
        shards += 1
        segments = shard.batch.column("segments").flatten()
        mask = pc.is_in(segments.field("id"), value_set=wanted)
        tokens = np.maximum(tokens_by_segment(shard), 0).sum(1)[as_mask(mask)]
        names = segments.field("source").cast(pa.string()).filter(mask).to_pylist()
        for source, each, count in zip(names, segments.field("id").filter(mask).to_pylist(), tokens, strict=True):
            mine = documents.setdefault(source, {})
            mine[each] = mine.get(each, 0) + int(count)
    held = {each for mine in documents.values() for each in mine}
    return Removal(
        {name: (len(mine), sum(mine.values())) for name, mine in sorted(documents.items())},
        shards,
        len(set(duplicates.to_pylist()) - held),
    )
