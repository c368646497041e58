"""Takes documents out of a finished dataset: only the shards that hold them are written anew.

A document goes with its cluster of duplicates: the survivor has what the others had, and with the survivor gone one of
them would come up at the next `prepare`.

The ids go into `takedown.txt` first, so whatever happens from then on, `prepare` leaves them out. All that is new is
then written below `_takedown/`, its manifest last; the dataset is as it was until that is there. Only then the old
manifest goes, and the new one comes back when everything is in its place. So a kill leaves the old dataset, or none and
all it takes to go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.dataset.manifest import MANIFEST, parse_manifest
from ...schemas.dataset.reader import Dataset
from ...schemas.storage.lease import FOLDER as LEASES
from ...schemas.storage.lock import LOCK, only_run
from ...schemas.storage.store import WORK, Store
from ..filters.taken_down import STAGED, TAKEN_DOWN, id_array, taken_down
from .clusters import companions
from .rewrite import ids_in, read_parquet, rewrite


@dataclass(frozen=True)
class Rewritten:
    """A shard that held documents which were taken down."""

    file: str
    to: str | None  # the shard in its place; None when nothing was left
    documents: int
    tokens: int


@dataclass(frozen=True)
class Takedown:
    """What became of the ids, each in hexadecimal."""

    rewritten: tuple[Rewritten, ...]
    removed: tuple[str, ...]  # from the shards, with the survivors of their duplicates
    withheld: tuple[str, ...]  # in no shard, but duplicates of these: `prepare` leaves them out as well
    before: tuple[str, ...]  # were taken down already
    missing: tuple[str, ...]  # are not in this dataset
    resumed: bool  # a takedown that was interrupted is done now
    fingerprint: str  # of the dataset


def take_down(url: str, ids: Sequence[str]) -> Takedown:
    """Remove documents from the dataset at an fsspec URL; raises Refusal when there is none, or it is damaged."""
    store = Store(url)
    if store.fs.isfile(store.path("")) or not store.exists(STAGED + MANIFEST):
        Dataset(url)  # refuses before a lock is laid into a folder that is no dataset
    with only_run(store) as require_alone:
        store.sweep()
        resumed = _resume(store)
        dataset = Dataset(url)
        clusters = read_parquet(dataset, dataset.manifest.duplicates)
        doubles = companions(clusters, id_array(ids))
        wanted = id_array(sorted({*ids, *_hex(doubles)}))
        held = {entry.file: _hex(ids_in(dataset.open(entry), wanted)) for entry in dataset.manifest.shards}
        there, before = {each for found in held.values() for each in found}, set(taken_down(store))
        also = set(_hex(doubles)) - there
        excerpts = clusters["excerpt"].filter(pc.is_in(clusters["id"], value_set=doubles))
        rewritten: list[Rewritten] = []
        if there or excerpts.null_count < len(excerpts):
            store.write(TAKEN_DOWN, "".join(f"{each}\n" for each in sorted(there | also | before)).encode())
            cuts = rewrite(store, STAGED, dataset, [file for file, found in held.items() if found], wanted)
            for cut in cuts:
                to, tokens = cut.new.file if cut.new else None, pc.sum(cut.documents["tokens"]).as_py()
                rewritten.append(Rewritten(cut.old.file, to, cut.documents.num_rows, tokens))
            require_alone()
            _publish(store)
        return Takedown(
            rewritten=tuple(rewritten),
            removed=tuple(sorted(there)),
            withheld=tuple(sorted(also - before)),
            before=tuple(sorted(before.intersection(ids) - there)),
            missing=tuple(sorted(set(ids) - there - also - before)),
            resumed=resumed,
            fingerprint=Dataset(url).manifest.fingerprint,
        )


def _hex(ids: pa.Array) -> list[str]:
    return [each.hex() for each in ids.to_pylist()]


def _resume(store: Store) -> bool:
    """Bring a takedown that was interrupted to its end, True, or clear away what it had begun."""
    if not store.exists(MANIFEST) and store.exists(STAGED + MANIFEST):
        _publish(store)
        return True
    _clear(store, STAGED)
    return False


def _publish(store: Store) -> None:
    """Put what is staged into its place, the manifest last, and remove what it replaces."""
    data = store.read(STAGED + MANIFEST)
    manifest = parse_manifest(data, f"{store.url}/{STAGED}{MANIFEST}")
    store.delete(MANIFEST)
    for name in store.names(STAGED):
        if name != STAGED + MANIFEST:
            store.write(name.removeprefix(STAGED), store.read(name))
    wanted = {entry.file for entry in manifest.shards}
    for name in store.names("shards"):
        if name not in wanted:
            store.delete(name)
    _clear(store, WORK)  # it has raw copies of what goes
    store.write(MANIFEST, data)
    _clear(store, STAGED)


def _clear(store: Store, folder: str) -> None:
    for name in store.names(folder):
        if not name.startswith((LOCK, LEASES)):
            store.delete(name)
