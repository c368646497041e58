"""Removes documents from a finished dataset; only the shards that contain them are rewritten.

A document is removed together with its cluster of duplicates: the survivor has the content of the others, and without
the survivor one of them would be kept at the next `prepare`.

The ids are written to `takedown.txt` first, so `prepare` leaves them out whatever happens afterwards. New files are
then written below `_takedown/`, the manifest last; until then the dataset is unchanged. Only then is the old manifest
deleted, and the new one is written when everything else is in place. So a kill leaves either the old dataset, or no
manifest but all files that are needed to continue.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.dataset.file_entry import FileEntry
from ...schemas.dataset.manifest import MANIFEST, parse_manifest
from ...schemas.dataset.reader import Dataset
from ...schemas.dataset.shard_list_file import SHARD_LIST
from ...schemas.errors import Refusal
from ...schemas.identity import bytes_fingerprint
from ...schemas.storage.lease import FOLDER as LEASES
from ...schemas.storage.lock import LOCK, only_run
from ...schemas.storage.store import WORK, Store
from ..filters.taken_down import STAGED, TAKEN_DOWN, id_array, taken_down
from .clusters import connected_ids
from .remains import delete_cached
from .rewrite import ids_in, pieces_of, rewrite


@dataclass(frozen=True)
class Rewritten:
    """A shard that contained documents which were taken down."""

    file: str
    to: str | None  # the shard that replaces it; None if nothing was left
    documents: int
    tokens: int


@dataclass(frozen=True)
class Takedown:
    """Result of a takedown; ids are hexadecimal."""

    rewritten: tuple[Rewritten, ...]
    removed: tuple[str, ...]  # from the shards, including survivors of their duplicates
    withheld: tuple[str, ...]  # duplicates of these that are in no shard; `prepare` leaves them out too
    before: tuple[str, ...]  # taken down earlier
    missing: tuple[str, ...]  # not in this dataset
    uncached: tuple[str, ...]  # copies of the old shards that were deleted from the cache of trainings
    resumed: bool  # True if an interrupted takedown was completed first
    fingerprint: str  # of the dataset


def take_down(url: str, ids: Sequence[str]) -> Takedown:
    """Remove documents from a dataset.

    Args:
        url: The dataset, as an fsspec URL.
        ids: Document ids in hexadecimal.

    Raises:
        Refusal: There is no dataset, it is damaged, or a run is writing to it.
    """
    store = Store(url)
    if store.fs.isfile(store.path("")) or not store.exists(STAGED + MANIFEST):
        Dataset(url)  # raises before a lock is created in a folder that is not a dataset
    with only_run(store) as require_alone:
        store.sweep()
        resumed = _resume(store)
        dataset = Dataset(url)
        listed = dataset.manifest.duplicates
        duplicates = connected_ids(lambda: pieces_of(dataset, listed, ["id", "cluster"]), id_array(ids))
        wanted = id_array(sorted({*ids, *_hex(duplicates)}))
        held = {entry.file: _hex(ids_in(dataset.open(entry), wanted)) for entry in dataset.manifest.shards}
        held_ids, before = {each for found in held.values() for each in found}, set(taken_down(store))
        also = set(_hex(duplicates)) - held_ids
        quoted = any(_quotes(rows, duplicates) for rows in pieces_of(dataset, listed, ["id", "excerpt"]))
        rewritten: list[Rewritten] = []
        uncached: tuple[str, ...] = ()
        if held_ids or quoted:
            store.write(TAKEN_DOWN, "".join(f"{each}\n" for each in sorted(held_ids | also | before)).encode())
            cuts = rewrite(store, STAGED, dataset, [file for file, found in held.items() if found], wanted)
            for cut in cuts:
                to, tokens = cut.new.file if cut.new else None, pc.sum(cut.documents["tokens"]).as_py()
                rewritten.append(Rewritten(cut.old.file, to, cut.documents.num_rows, tokens))
            require_alone()
            uncached = delete_cached(cut.old for cut in cuts)
            _publish(store)
        return Takedown(
            rewritten=tuple(rewritten),
            removed=tuple(sorted(held_ids)),
            withheld=tuple(sorted(also - before)),
            before=tuple(sorted(before.intersection(ids) - held_ids)),
            missing=tuple(sorted(set(ids) - held_ids - also - before)),
            uncached=uncached,
            resumed=resumed,
            fingerprint=Dataset(url).manifest.fingerprint,
        )


def finish_interrupted(url: str) -> bool:
    """Complete a takedown that was interrupted after it had removed the manifest; True if there was one.

    Raises:
        Refusal: A run is writing to the dataset.
    """
    store = Store(url)
    if store.fs.isfile(store.path("")) or store.exists(MANIFEST) or not store.exists(STAGED + MANIFEST):
        return False
    with only_run(store):
        return _resume(store)


def _quotes(rows: pa.Table, ids: pa.Array) -> bool:
    """Whether one of some rows has an excerpt."""
    excerpts = rows["excerpt"].filter(pc.is_in(rows["id"], value_set=ids))
    return bool(excerpts.null_count < len(excerpts))


def _hex(ids: pa.Array) -> list[str]:
    return [each.hex() for each in ids.to_pylist()]


def _resume(store: Store) -> bool:
    """Complete an interrupted takedown and return True, or delete its incomplete files."""
    if not store.exists(MANIFEST) and store.exists(STAGED + MANIFEST):
        _publish(store)
        return True
    _clear(store, STAGED)
    return False


def _publish(store: Store) -> None:
    """Move the staged files into place, the manifest last, and delete the files that they replace."""
    data = store.read(STAGED + MANIFEST)
    manifest = parse_manifest(data, f"{store.url}/{STAGED}{MANIFEST}", lambda entry: _staged(store, entry))
    store.delete(MANIFEST)
    for name in store.names(STAGED):
        if name != STAGED + MANIFEST:
            store.write(name.removeprefix(STAGED), store.read(name))
    if manifest.shard_list is None:
        store.delete(SHARD_LIST)
    wanted = set(manifest.shards.files.to_pylist())
    for name in store.names("shards"):
        if name not in wanted:
            store.delete(name)
    _clear(store, WORK)  # it contains raw copies of the removed documents
    store.write(MANIFEST, data)
    _clear(store, STAGED)


def _staged(store: Store, entry: FileEntry) -> pa.NativeFile:
    data = store.read(STAGED + entry.file)
    if bytes_fingerprint([data]) != entry.xxh3:
        raise Refusal(f"{store.url}/{STAGED}{entry.file}: was changed after it was written.", exit_code=1)
    return pa.BufferReader(data)


def _clear(store: Store, folder: str) -> None:
    for name in store.names(folder):
        if not name.startswith((LOCK, LEASES)):
            store.delete(name)
