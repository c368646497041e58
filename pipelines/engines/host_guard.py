"""Tells a fault of one machine from a fault of the run: another worker can then do the task."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ...schemas.errors import Refusal
from ...schemas.storage.full_disk import FullDisk, mount_of
from ...schemas.storage.store import Store
from .environment import differences, environment_id, versions


class HostFault(Refusal):
    """A task failed because of the machine that ran it.

    Attributes:
        host: Name of the machine.
        worker: Address of its worker; empty outside of Dask.
        versions: Its libraries, if they are not those of the driver.
    """

    host: str = ""
    worker: str = ""
    versions: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def here(cls, what: str, different: bool = False) -> "HostFault":
        """Return the fault for the machine and worker of this process."""
        host, worker = os.uname().nodename, worker_address()
        name = f"{host} ({worker})" if worker else host
        fault = cls(f"the worker on {name}: {what}", exit_code=1)
        fault.host, fault.worker = host, worker
        fault.versions = dict(versions()) if different else {}
        return fault

    def explained(self) -> Refusal:
        """Return the refusal for the user, on the driver: it knows its own versions too."""
        if not self.versions:
            return self
        name = f"{self.host} ({self.worker})" if self.worker else self.host
        different = "; ".join(differences(self.versions, versions())[:6])
        return Refusal(
            f"the worker on {name} has {different} on the machine of the driver ({os.uname().nodename}). The bytes of "
            "a dataset depend on these. Install the same versions on all machines, and start that worker again.",
            exit_code=1,
        )


@dataclass(frozen=True)
class HostGuard:
    """What a task on a cluster carries: the driver's environment, and the URL of `out`."""

    environment: str
    out: str

    @classmethod
    def of(cls, store: Store) -> "HostGuard":
        """Return the guard for a run's tasks, on the driver."""
        return cls(environment_id(), store.url)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Guard a task.

        Raises:
            HostFault: The libraries are other ones than the driver's, or a disk of this machine alone is full.
            FullDisk: `out` is full.
        """
        if environment_id() != self.environment:
            raise HostFault.here("has other versions of libraries than the driver.", different=True)
        try:
            yield
        except FullDisk as full:
            if self._of_out(full.place):
                raise
            raise HostFault.here(str(full)) from full

    def _of_out(self, place: str) -> bool:
        store = Store(self.out)
        return store.local and str(mount_of(Path(store.path("")))) == place


def worker_address() -> str:
    """Return the address of the Dask worker that this process is; empty for none."""
    with suppress(ImportError, ValueError):
        from distributed import get_worker

        return str(get_worker().address)
    return ""
