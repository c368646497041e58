"""Finds documents of a dataset: by id, by content, or a sample of them that depends on a seed alone."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...schemas.dataset.locate import segments_of_id
from ...schemas.dataset.manifest import Manifest
from ...schemas.dataset.reader import Dataset
from ...schemas.dataset.segment_tables import SegmentTables
from ...schemas.errors import Refusal
from ...schemas.hashing import mix64
from ...schemas.storage.store import Store
from ..filters.taken_down import id_array, is_id, taken_down


@dataclass(frozen=True)
class Place:
    """Where a segment is."""

    row: int  # of the dataset
    number: int  # of the segment in its row, from 1
    document: bytes
    offset: int


@dataclass(frozen=True)
class Sample:
    """Some documents of a dataset, and among how many they were drawn."""

    ids: tuple[bytes, ...]
    of: int


def find_document(dataset: Dataset, name: str) -> list[Place]:
    """Locate the segments of a document.

    Args:
        dataset: The dataset.
        name: The document's id in hexadecimal.

    Raises:
        Refusal: It is not an id, or no shard has the document.
    """
    if not is_id(name):
        raise Refusal(f"--id {name}: an id has 32 hexadecimal digits, as `triptych show --json` prints them.")
    name = name.lower()
    places = find_segments(dataset, [bytes.fromhex(name)])
    if not places:
        raise Refusal(f"--id {name}: no shard of {dataset.url} has this document{why_not(dataset, name)}.")
    return places


def why_not(dataset: Dataset, name: str) -> str:
    """What the dataset tells of a document that no shard has: how the sentence that says so goes on, or nothing."""
    if name in taken_down(Store(dataset.url)):
        return "; it was taken down"
    with dataset.verified(dataset.manifest.duplicates) as stream:
        rows = pq.read_table(stream, columns=["cluster"], filters=pc.field("id") == id_array([name])[0])
    return f"; it is a duplicate, see `--cluster {rows['cluster'][0].as_py()}`" if len(rows) else ""


def find_segments(dataset: Dataset, ids: Iterable[bytes]) -> list[Place]:
    """Locate all segments of some documents, those of a document together and in the order of its pieces.

    A single document is mostly found in one shard of each group, see `schemas/dataset/locate.py`. For several documents
    each shard is read once.
    """
    wanted = pa.array(list(ids), pa.binary(16))
    if len(wanted) == 1:
        document = wanted[0].as_py()
        found = segments_of_id(SegmentTables(dataset), document)
        return [
            Place(dataset.first_row(one.shard) + one.row, one.number, document, one.segment["offset"]) for one in found
        ]
    places, before = [], 0
    for entry in dataset.manifest.shards:
        segments = dataset.open(entry).batch.column("segments")
        flat, offsets = segments.flatten(), segments.offsets.to_numpy()
        at = np.flatnonzero(pc.is_in(flat.field("id"), value_set=wanted).to_numpy(zero_copy_only=False))
        rows = np.searchsorted(offsets, at, side="right") - 1
        pieces = flat.take(pa.array(at))
        for row, number, document, offset in zip(
            (before + rows).tolist(),
            (at - offsets[rows] + 1).tolist(),
            pieces.field("id").to_pylist(),
            pieces.field("offset").to_pylist(),
            strict=True,
        ):
            places.append(Place(row, number, document, offset))
        before += entry.rows
    order = {document: position for position, document in enumerate(wanted.to_pylist())}
    return sorted(places, key=lambda place: (order[place.document], place.offset))


def ids_by_content(dataset: Dataset, contents: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """Find the ids of all documents with some contents, in the order of the shards.

    Args:
        dataset: The dataset; one of an earlier version has no contents, so nothing is found.
        contents: Values of the segment table's column `content`, which are the same in every preparation.

    Returns:
        Ids by content; a content that no segment has is left out.
    """
    wanted = pa.array(list(contents), pa.binary(16))
    found: dict[bytes, dict[bytes, None]] = {}
    for entry in dataset.manifest.shards:
        flat = dataset.open(entry).batch.column("segments").flatten()
        if flat.type.get_field_index("content") < 0:
            continue
        mine = flat.filter(pc.is_in(flat.field("content"), value_set=wanted))
        for content, document in zip(mine.field("content").to_pylist(), mine.field("id").to_pylist(), strict=True):
            found.setdefault(content, {})[document] = None
    return {content: list(ids) for content, ids in found.items()}


def require_source(manifest: Manifest, source: str) -> None:
    """Raise Refusal if the dataset has no such source."""
    names = list(manifest.statistics.sources)
    if source not in names:
        raise Refusal(f"--source {source}: the sources of {manifest.name} are {', '.join(names)}. Choose one of them.")


def sample_documents(dataset: Dataset, source: str | None, count: int, seed: int) -> Sample:
    """Draw documents without replacement, the same ones whatever shards they are in; memory is bounded by `count`.

    Args:
        dataset: The dataset.
        source: Draw from this source alone.
        count: Maximum number of documents.
        seed: Seed of the draw.

    Raises:
        Refusal: There is no such source.
    """
    if source is not None:
        require_source(dataset.manifest, source)
    best, keys, total = np.zeros((0, 16), np.uint8), np.zeros(0, np.uint64), 0
    for entry in dataset.manifest.shards:
        segments = dataset.open(entry).batch.column("segments").flatten()
        first = pc.equal(segments.field("offset"), 0)
        if source is not None:
            first = pc.and_(first, pc.equal(segments.field("source").cast(pa.string()), source))
        ids = segments.field("id").filter(first)
        total += len(ids)
        words = np.frombuffer(b"".join(ids.to_pylist()), np.uint8).reshape(-1, 16)
        keys = np.concatenate([keys, draw_keys(words[:, :8].copy().view("<u8")[:, 0], seed)])
        best = np.concatenate([best, words])
        chosen = smallest(keys, count)
        best, keys = best[chosen], keys[chosen]
    return Sample(tuple(line.tobytes() for line in best), total)


def draw_keys(words: npt.NDArray[np.uint64], seed: int) -> npt.NDArray[np.uint64]:
    """Hash 64-bit words with a seed; the smallest of the keys are a sample."""
    with np.errstate(over="ignore"):
        salt = mix64(np.array([seed], np.uint64) + np.uint64(1))
        return np.asarray(mix64(words ^ salt), np.uint64)


def smallest(keys: npt.NDArray[np.uint64], count: int) -> npt.NDArray[np.intp]:
    """Indices of the `count` smallest keys, smallest first."""
    return np.argsort(keys, kind="stable")[:count]
