"""Which run may write to an object store: one at a time, by a lease that its holder keeps alive.

A lease is an object below `_work/lease/`, named by a number, and the highest number counts. A run takes the store by
creating the next number, on condition that it is not there: of two that try, a store with conditional puts (S3, GCS,
Azure) lets one through. Elsewhere the last to write wins, so who wrote looks again a little later. The holder writes
its lease anew every `BEAT` seconds. One that was not written for `STALE` seconds is a dead run's.

Clocks of different machines are not compared: a lease's age is the difference of two times that the store itself set,
that of the lease and that of an object written just now. A holder that was suspended for longer than `STALE`, or cut
off from the store, finds a higher number when it comes back; it looks before it publishes. Until then it has done no
harm, since partitions and shards are named by their content.
"""

import json
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
from ..identity import canonical_json
from .store import WORK, Store

FOLDER = f"{WORK}/lease"
BEAT = 10.0  # seconds between two signs of life
STALE = 120.0  # seconds without one, after which a lease is nobody's
SETTLE = 1.0  # seconds for a rival's write to show where puts know no conditions


@dataclass(frozen=True)
class Owner:
    """A process that holds a store: enough to find it, and to tell on its own machine that it is gone."""

    host: str
    pid: int
    machine: str  # boot and process namespace: where `pid` means this process and no other; "" if unknown
    token: str

    @classmethod
    def here(cls) -> "Owner":
        """The process that asks."""
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            machine = f"{boot} {os.readlink('/proc/self/ns/pid')}"
        except OSError:
            machine = ""
        return cls(platform.node(), os.getpid(), machine, uuid.uuid4().hex)

    @classmethod
    def parse(cls, data: bytes) -> "Owner | None":
        """What `to_bytes` wrote; None for anything else, such as a file that is being written."""
        try:
            return cls(**json.loads(data))
        except (ValueError, TypeError):
            return None

    def to_bytes(self) -> bytes:
        """JSON."""
        return canonical_json(asdict(self))

    @property
    def gone(self) -> bool:
        """True when it ran on this machine and runs no more; elsewhere nobody can tell."""
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
    """The refusal of a second run."""
    who = f"process {owner.pid} on {owner.host}" if owner else "another process"
    return Refusal(
        f"{url}: another `triptych` is writing there, {who}. Wait until it is done, or stop it, or give this run "
        f"another `out`. {fix}".strip(),
        exit_code=1,
    )


@contextmanager
def lease(store: Store) -> Iterator[Callable[[], None]]:
    """Hold a store while the block runs; gives what raises Refusal once it is held no more.

    Raises Refusal when another run holds it.
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
    there, owner = store.names(FOLDER), Owner.here()
    if there:
        _require_stale(store, there[-1])
    name = f"{FOLDER}/{int(there[-1].rpartition('/')[2]) + 1 if there else 0:08d}"
    try:
        store.claim(name, owner.to_bytes())
    except OSError:
        # a store may also say so when the answer to an earlier try was lost, so what is there decides
        if not store.exists(name):
            raise
    time.sleep(SETTLE)
    if not _holds(store, name, owner):
        rival = store.names(FOLDER)[-1:]
        raise held_by(store.url, Owner.parse(store.read(rival[0])) if rival else None, "")
    for old in there:
        store.delete(old)
    return name, owner


def _require_stale(store: Store, name: str) -> None:
    try:
        owner = Owner.parse(store.read(name))
        age = math.inf if owner and owner.gone else _age(store, name)
    except FileNotFoundError:  # given back just now
        return
    if age < STALE:
        fix = f"Should it be dead: what it holds is free in {STALE - age:.0f} s, or when you delete {name}."
        raise held_by(store.url, owner, fix)


def _age(store: Store, name: str) -> float:
    """Seconds since a file was written, by the store's own clock."""
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
            f"{store.url}: this run gave no sign of life for {STALE:.0f} s, and another took over; so this one stops. "
            "Nothing is damaged. Let the other finish, or stop it, then run the same command again to resume.",
            exit_code=1,
        )


def _keep_alive(store: Store, name: str, owner: Owner, done: threading.Event) -> None:
    while not done.wait(BEAT):
        with suppress(Exception):  # a store that does not answer now may answer at the next beat
            if not _holds(store, name, owner):
                return
            store.write(name, owner.to_bytes())
