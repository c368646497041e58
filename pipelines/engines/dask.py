"""The Dask engine: a LocalCluster of worker processes, or the scheduler at an address."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeVar

from ...schemas.config.run import DaskEngine
from ...schemas.errors import Refusal
from ...schemas.storage.store import Store
from ...schemas.visible import guard_logs
from .base import PRELOAD, Engine, MeasuredTask, TaskResult
from .journal import Journal
from .todo import Todo

A = TypeVar("A")
B = TypeVar("B")

IN_FLIGHT = 512  # tasks submitted to the scheduler at a time, so that a million parts do not overload it
RETRIES = 2  # of a task that raised (for example because a store did not answer) or whose worker died
# By default Dask makes malloc return memory all the time, and training then spends much of its time on page faults.
# Idle OpenMP threads sleep, as in the command line.
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": 512 << 20,
    "MALLOC_MMAP_THRESHOLD_": 32 << 20,
    "OMP_WAIT_POLICY": "passive",
    "OMP_NUM_THREADS": 1,
    "MKL_NUM_THREADS": 1,
    "OPENBLAS_NUM_THREADS": 1,
}
SETTINGS = {
    "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
    "distributed.scheduler.allowed-failures": RETRIES,
    # by default Dask's processes check their event loops every 20 ms and profile tasks every 10 ms: 6 % of a core
    "distributed.admin.tick.interval": "1s",
    "distributed.worker.profile.enabled": False,
    # a worker that died restarts with all its imports; on a busy machine by far not within Dask's 15 s, and a cluster
    # that gave it up would wait for ever
    "distributed.deploy.lost-worker-timeout": "10 minutes",
}


class Dask(Engine):
    """One thread per worker: a task's own threads are part of the run's identity, not of the cluster's."""

    def __init__(self, store: Store, journal: Journal, config: DaskEngine) -> None:
        super().__init__(store, journal)
        import dask.config
        import distributed

        self._dask: Any = distributed  # untyped
        self._cluster: Any = None
        self._settings = ExitStack()  # some are read long after the cluster was started
        if config.scheduler is None:
            self._settings.enter_context(dask.config.set(SETTINGS))
            self._cluster = self._dask.LocalCluster(
                n_workers=config.local_workers,
                threads_per_worker=1,
                memory_limit=0,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                preload=list(PRELOAD),
                silence_logs=logging.ERROR,
            )
        try:
            self._client: Any = self._dask.Client(self._cluster or config.scheduler, timeout="30s")
        except (OSError, ValueError) as error:
            raise Refusal(
                f"engine.scheduler: no Dask scheduler answers at {config.scheduler} ({error}). Start one with "
                "`dask scheduler`, or use `engine: {kind: dask, workers: N}`."
            ) from None
        self._client.register_plugin(_guard_of_logs())
        journal.say(f"Dask dashboard: {self._client.dashboard_link}")

    def each(self, task: Callable[[A], B], todo: Todo[A]) -> Iterator[TaskResult[B]]:
        """Submit tasks as others finish; yield results in the order of completion."""
        measured: MeasuredTask[A, B] = MeasuredTask(task)

        def submit(most: int) -> list[Any]:
            return [
                self._client.submit(measured, index, item, pure=False, retries=RETRIES)
                for index, item in todo.take(most)
            ]

        running = self._dask.as_completed(submit(IN_FLIGHT))
        for future in running:
            try:
                yield future.result()
            except self._dask.KilledWorker as error:
                raise Refusal(
                    f"{error.allowed_failures + 1} Dask workers died on one partition, the last at "
                    f"{error.last_worker.address}. The kernel may have killed them for memory: use fewer workers or a "
                    "smaller partition_bytes, then run the same command again to resume.",
                    exit_code=1,
                ) from None
            running.update(submit(IN_FLIGHT - running.count()))

    def close(self) -> None:
        """Disconnect from the cluster, and stop it if it was started here."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
        self._settings.close()


def _guard_of_logs() -> Any:
    """Plugin of the workers: a failed task is logged with its message, which may hold the secrets of a URL."""
    from distributed import WorkerPlugin

    class GuardOfLogs(WorkerPlugin):
        name = "triptych-guard-of-logs"

        def setup(self, worker: Any) -> None:
            guard_logs()

    return GuardOfLogs()
