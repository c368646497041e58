"""How the driver and the workers of a Beam pipeline talk: by files in the store, which workers of any runner reach.

Beam itself carries numbers: what a pipeline's graph may hold is limited to some megabytes, and what comes out of one
is known to its runner alone. A file `items` holds what there is to do, in batches; for each batch a worker leaves
`<batch>.done` or, for the driver to raise should the runner give up, `<batch>.failed`.
"""

import pickle
import traceback
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ...schemas.storage.store import WORK, Store

MAILBOXES = f"{WORK}/beam"
BATCHES = 4096  # at most, so that a million items do not leave a million files

Span = tuple[int, int, int]  # a batch's number, and where it starts and ends in `items`


@dataclass(frozen=True)
class BeamResults:
    """A folder of the store for one pipeline."""

    store: Store
    folder: str
    _read: set[str] = field(default_factory=set)

    def post(self, items: Sequence[Any]) -> list[Span]:
        """Leave items for workers; returns where each batch of (index, item) pairs lies."""
        count = min(len(items), BATCHES)
        batches = [pickle.dumps([(i, items[i]) for i in range(batch, len(items), count)]) for batch in range(count)]
        spans, start = [], 0
        for number, batch in enumerate(batches):
            spans.append((number, start, start + len(batch)))
            start += len(batch)
        self.store.write(f"{self.folder}/items", b"".join(batches))
        return spans

    def take(self, span: Span) -> list[tuple[int, Any]]:
        """A batch that was posted."""
        data = self.store.fs.cat_file(self.store.path(f"{self.folder}/items"), span[1], span[2])
        batch: list[tuple[int, Any]] = pickle.loads(data)  # noqa: S301 this run's driver wrote it
        return batch

    @contextmanager
    def attempting(self, number: int) -> Iterator[None]:
        """Leave word of what the block raises."""
        try:
            yield
        except Exception as error:
            self._leave(f"{number}.failed", _pickled(error))
            raise

    def answer(self, number: int, results: list[Any]) -> None:
        """Leave the results of a batch."""
        self._leave(f"{number}.done", pickle.dumps(results))

    def _leave(self, name: str, data: bytes) -> None:
        # not synced, as the store would: nobody reads it after the pipeline
        self.store.fs.pipe_file(self.store.path(f"{self.folder}/{name}"), data)

    def results(self) -> Iterator[Any]:
        """What has come in since the last call."""
        for name in self.store.names(self.folder):
            if name.endswith(".done") and name not in self._read:
                yield from self._open(name)

    def rest(self, numbers: Iterable[int]) -> Iterator[Any]:
        """What else has come in, batch by batch by its name: the listings of shared file systems lag behind."""
        for number in numbers:
            name = f"{self.folder}/{number}.done"
            if name not in self._read:
                yield from self._open(name)

    def lost(self, numbers: Collection[int]) -> int:
        """How many of these batches have not come in."""
        return len(numbers) - len(self._read)

    def _open(self, name: str) -> list[Any]:
        try:
            results: list[Any] = pickle.loads(self.store.read(name))  # noqa: S301 this run's workers wrote it
        except (FileNotFoundError, EOFError, pickle.UnpicklingError):  # not there, or not to its end
            return []
        self._read.add(name)
        return results

    def failure(self) -> Exception | None:
        """What a worker raised, if any did."""
        for name in self.store.names(self.folder):
            if name.endswith(".failed"):
                error: Exception = pickle.loads(self.store.read(name))  # noqa: S301 this run's workers wrote it
                return error
        return None


def clear(store: Store, folder: str) -> None:
    """Remove a mailbox, or all of them below a folder."""
    if store.exists(folder):
        store.fs.rm(store.path(folder), recursive=True)


def _pickled(error: Exception) -> bytes:
    """An exception with its traceback as a note; one that does not travel is told by its words."""
    try:
        error.add_note(f"In a Beam worker:\n{traceback.format_exc()}")
        pickle.loads(data := pickle.dumps(error))  # noqa: S301 made here
    except Exception:
        data = pickle.dumps(RuntimeError(traceback.format_exc()))
    return data
