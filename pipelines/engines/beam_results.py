"""How the driver and the workers of a Beam pipeline communicate: by files in the store, which all workers can reach.

Beam itself transports only numbers: the graph of a pipeline is limited to some megabytes, and its results are only
accessible in a way that depends on the runner. A file `items` holds the work in batches. For each batch a worker writes
`<batch>.done` or, for the driver to raise if the runner gives up, `<batch>.failed`.

The files are pickles that name sources by their URLs, so they are encrypted with a key that only this pipeline's driver
and workers have: nobody else reads a secret in them, and what anyone else wrote into the store is never unpickled.
"""

import pickle
import secrets
import traceback
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...schemas.storage.store import WORK, Store

MAILBOXES = f"{WORK}/beam"
NONCE_BYTES = 12  # of AES-GCM, https://doi.org/10.6028/NIST.SP.800-38D
BATCHES = 4096  # maximum number of batches, so that a million items do not create a million files

Span = tuple[int, int, int]  # number of a batch, and where it starts and ends in `items`


@dataclass(frozen=True)
class BeamResults:
    """The mailbox of one pipeline, a folder in the store."""

    store: Store
    folder: str
    key: bytes = field(default_factory=lambda: AESGCM.generate_key(256), repr=False)
    _read: set[str] = field(default_factory=set)

    def post(self, items: Sequence[Any], name: str = "items") -> list[Span]:
        """Write items for workers into a file; returns the span of each batch of (index, item) pairs."""
        count = min(len(items), BATCHES)
        batches = [self._sealed([(i, items[i]) for i in range(batch, len(items), count)]) for batch in range(count)]
        spans, start = [], 0
        for number, batch in enumerate(batches):
            spans.append((number, start, start + len(batch)))
            start += len(batch)
        self.store.write(f"{self.folder}/{name}", b"".join(batches))
        return spans

    def take(self, span: Span, name: str = "items") -> list[tuple[int, Any]]:
        """Read a batch of items."""
        (data,) = self.store.read_ranges([(f"{self.folder}/{name}", span[1], span[2])])
        batch: list[tuple[int, Any]] = self._unsealed(data.to_pybytes())
        return batch

    @contextmanager
    def attempting(self, name: int | str) -> Iterator[None]:
        """Record an exception that the block raises, and raise it again."""
        try:
            yield
        except Exception as error:
            self._write(f"{name}.failed", self._sealed(_picklable(error)))
            raise

    def answer(self, name: int | str, results: list[Any]) -> None:
        """Write the results of a batch."""
        self._write(f"{name}.done", self._sealed(results))

    def _write(self, name: str, data: bytes) -> None:
        # not synced, as the store would do, since it is not needed after the pipeline
        self.store.fs.pipe_file(self.store.path(f"{self.folder}/{name}"), data)

    def results(self) -> Iterator[Any]:
        """Yield the results that have arrived since the last call."""
        for name in self.store.names(self.folder):
            if name.endswith(".done") and name not in self._read:
                yield from self._open(name)

    def rest(self, numbers: Iterable[int]) -> Iterator[Any]:
        """Yield the remaining results by name of batch, since listings of shared file systems may lag behind."""
        for number in numbers:
            name = f"{self.folder}/{number}.done"
            if name not in self._read:
                yield from self._open(name)

    def lost(self, numbers: Collection[int]) -> int:
        """Return how many of these batches have no results."""
        return len(numbers) - len(self._read)

    def _open(self, name: str) -> list[Any]:
        try:
            results: list[Any] = self._unsealed(self.store.read(name))
        except (FileNotFoundError, EOFError, pickle.UnpicklingError):  # missing or incomplete
            return []
        self._read.add(name)
        return results

    def failure(self) -> Exception | None:
        """Return an exception that a worker raised, if any."""
        for name in self.store.names(self.folder):
            if name.endswith(".failed"):
                with suppress(pickle.UnpicklingError):
                    error: Exception = self._unsealed(self.store.read(name))
                    return error
        return None

    def _sealed(self, value: Any) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, pickle.dumps(value), None)

    def _unsealed(self, data: bytes) -> Any:
        """Unpickle what this pipeline wrote; raises UnpicklingError for anything else, and for an incomplete file."""
        try:
            body = AESGCM(self.key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise pickle.UnpicklingError("not written by this pipeline, or incomplete") from None
        return pickle.loads(body)  # noqa: S301 this pipeline wrote it


def clear(store: Store, folder: str) -> None:
    """Delete a mailbox, or all mailboxes below a folder."""
    if store.exists(folder):
        store.fs.rm(store.path(folder), recursive=True)


def _picklable(error: Exception) -> Exception:
    """Add the traceback of an exception as a note; one that cannot be pickled becomes a RuntimeError."""
    try:
        error.add_note(f"In a Beam worker:\n{traceback.format_exc()}")
        pickle.loads(pickle.dumps(error))  # noqa: S301 made here
    except Exception:
        return RuntimeError(traceback.format_exc())
    return error
