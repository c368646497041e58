"""Lease on an object store: only one run at a time may write, and the holder renews its lease regularly.

A lease is an object below `_work/lease/` named by a number; the highest number is valid. A run acquires the store by
creating the next number on condition that it does not exist: of two runs that try, a store with conditional puts (S3,
GCS, Azure) lets one succeed. On other stores the last write wins, so the writer checks again a little later. The holder
rewrites its lease every `BEAT` seconds. A lease that was not rewritten for `STALE` seconds belongs to a dead run.

Clocks of different machines are not compared: the age of a lease is the difference of two times that the store itself
set, that of the lease and that of an object written just now. A holder that was suspended for longer than `STALE`, or
was cut off from the store, finds a higher number when it comes back; it checks before it publishes. Until then it does
no harm, since partitions and shards are named by their content.
"""

import math
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import Refusal
from ..identity import canonical_json, parse_json
from .store import WORK, Store

FOLDER = f"{WORK}/lease"
BEAT = 10.0  # seconds between two renewals
STALE = 120.0  # seconds without renewal after which a lease is free
SETTLE = 1.0  # seconds to wait for a rival's write on stores without conditional puts


@dataclass(frozen=True)
class Owner:
    """A process that holds a store: enough to find it, and to detect on its own machine that it has ended."""

    host: str
    pid: int
    machine: str  # boot and process namespace: where `pid` means this process and no other; "" if unknown
    token: str

    @classmethod
    def here(cls) -> "Owner":
        """The current process."""
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            machine = f"{boot} {os.readlink('/proc/self/ns/pid')}"
        except OSError:
            machine = ""
        return cls(platform.node(), os.getpid(), machine, uuid.uuid4().hex)

    @classmethod
    def parse(cls, data: bytes) -> "Owner | None":
        """Parse what `to_bytes` wrote; None for anything else, such as a file that is being written."""
        try:
            found = cls(**parse_json(data))
        except (ValueError, TypeError):
            return None
        words = (found.host, found.machine, found.token)
        sound = isinstance(found.pid, int) and 0 < found.pid < 1 << 31 and all(isinstance(word, str) for word in words)
        return found if sound else None

    def to_bytes(self) -> bytes:
        """JSON."""
        return canonical_json(asdict(self))

    @property
    def gone(self) -> bool:
        """True when it ran on this machine and has ended; unknown (False) for other machines."""
        if not self.machine or self.machine != Owner.here().machine:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False


def held_by(url: str, owner: Owner | None, fix: str) -> Refusal:
    """Build the error for a second run on the same `out`."""
    who = f"process {owner.pid} on {owner.host}" if owner else "another process"
    return Refusal(
        f"{url}: another `triptych` is writing there, {who}. Wait until it is done, or stop it, or give this run "
        f"another `out`. {fix}".strip(),
        exit_code=1,
    )


@contextmanager
def lease(store: Store) -> Iterator[Callable[[], None]]:
    """Hold a store while the block runs.

    Yields:
        A function that raises Refusal when this run no longer holds the store.

    Raises:
        Refusal: Another run holds the store.
    """
    name, owner = _take(store)
    done = threading.Event()
    beats = threading.Thread(target=_keep_alive, args=(store, name, owner, done), daemon=True)
    beats.start()
    try:
        yield lambda: _require(store, name, owner)
    finally:
        done.set()
        beats.join()
        if _holds(store, name, owner):
            store.delete(name)


def _take(store: Store) -> tuple[str, Owner]:
    existing, owner = store.names(FOLDER), Owner.here()
    if existing:
        _require_stale(store, existing[-1])
    name = f"{FOLDER}/{int(existing[-1].rpartition('/')[2]) + 1 if existing else 0:08d}"
    try:
        store.claim(name, owner.to_bytes())
    except OSError:
        # a store may also raise when the answer to an earlier try was lost, so check whether the object exists
        if not store.exists(name):
            raise
    time.sleep(SETTLE)
    if not _holds(store, name, owner):
        rival = store.names(FOLDER)[-1:]
        raise held_by(store.url, Owner.parse(store.read(rival[0])) if rival else None, "")
    for old in existing:
        store.delete(old)
    return name, owner


def _require_stale(store: Store, name: str) -> None:
    try:
        owner = Owner.parse(store.read(name))
        age = math.inf if owner and owner.gone else _age(store, name)
    except FileNotFoundError:  # released just now
        return
    if age < STALE:
        fix = f"If that run is dead: its lease expires in {STALE - age:.0f} s, or delete {name}."
        raise held_by(store.url, owner, fix)


def _age(store: Store, name: str) -> float:
    """Return the seconds since a file was written, by the store's own clock."""
    probe = f"{WORK}/clock/{uuid.uuid4().hex}"
    store.write(probe, b"now")
    try:
        return (store.modified(probe) - store.modified(name)).total_seconds()
    finally:
        store.delete(probe)


def _holds(store: Store, name: str, owner: Owner) -> bool:
    return store.names(FOLDER)[-1:] == [name] and store.read(name) == owner.to_bytes()


def _require(store: Store, name: str, owner: Owner) -> None:
    if not _holds(store, name, owner):
        raise Refusal(
            f"{store.url}: this run did not renew its lease for {STALE:.0f} s and another run took over, so this one "
            "stops. "
            "Nothing is damaged. Let the other finish, or stop it, then run the same command again to resume.",
            exit_code=1,
        )


def _keep_alive(store: Store, name: str, owner: Owner, done: threading.Event) -> None:
    while not done.wait(BEAT):
        with suppress(Exception):  # a store that fails now may answer at the next renewal
            if not _holds(store, name, owner):
                return
            store.write(name, owner.to_bytes())
