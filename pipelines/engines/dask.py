"""The Dask engine: a LocalCluster of worker processes, or the scheduler at an address."""

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from itertools import islice
from typing import Any, TypeVar

from ...schemas.config.run import DaskEngine
from ...schemas.errors import Refusal
from ...schemas.storage.store import Store
from ...schemas.visible import guard_logs
from .base import PRELOAD, Engine, MeasuredTask, TaskResult
from .dask_cluster import DaskCluster, address_of
from .groups import Groups, RunGroup
from .host_guard import HostFault, HostGuard
from .journal import Journal
from .task_label import task_label
from .todo import Todo
from .worker_board import label_of_key
from .worker_check import Question, Reply

A = TypeVar("A")
B = TypeVar("B")

IN_FLIGHT = 4096  # tasks submitted to the scheduler at a time, so that a million parts do not overload it
AHEAD = 8  # tasks for each worker; when half of them are done, more are submitted in one message
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
            address = config.scheduler and address_of(config.scheduler, journal.say, config.wait)
            self._client: Any = self._dask.Client(self._cluster or address, timeout="30s")
        except (OSError, ValueError) as error:
            raise Refusal(
                f"engine.scheduler: no Dask scheduler answers at {address} ({error}). Start one with "
                "`dask scheduler`, or use `engine: {kind: dask, workers: N}`."
            ) from None
        self._joined = self._guard = None
        if address is not None:
            self.on_this_machine = False
            self._joined = DaskCluster(self._client, address, journal, config.wait)
            self._guard = HostGuard.of(store)
            self._joined.start()
        self._client.register_plugin(_guard_of_logs())
        journal.say(f"Dask dashboard: {self._client.dashboard_link}")

    def each(self, task: Callable[[A], B], todo: Todo[A]) -> Iterator[TaskResult[B]]:
        """Submit tasks as others finish; yield results in the order of completion."""
        with self._joined.explaining() if self._joined else nullcontext():
            yield from self._each(MeasuredTask(task, self._guard), todo)

    def _each(self, measured: MeasuredTask[A, B], todo: Todo[A]) -> Iterator[TaskResult[B]]:
        groups: Groups[A] = Groups(todo, lambda item: task_label(measured.task, item))
        task, at = RunGroup(measured), dict[Any, Sequence[tuple[int, A]]]()  # each running task's group

        def submit(chosen: Sequence[Sequence[tuple[int, A]]]) -> list[Any]:
            keys = [f"{task_label(measured.task, group[0][1])}-{uuid.uuid4().hex}" for group in chosen]
            # one message to the scheduler for all of them
            futures = self._client.map(task, chosen, key=keys, pure=False, retries=RETRIES) if keys else []
            at.update(zip(futures, chosen, strict=True))
            return list(futures)

        def more() -> list[Any]:
            workers = self._workers()
            wanted = min(IN_FLIGHT, AHEAD * workers)
            if len(at) > wanted // 2:
                return []
            return submit(list(islice(iter(lambda: groups.take(workers), []), wanted - len(at))))

        running = self._dask.as_completed(more())
        for future in running:
            group = at.pop(future)
            label = label_of_key(future.key)
            try:
                for result in future.result():
                    groups.finished(label, result.seconds)
                    if self._joined:
                        self._joined.board.finished(result.worker, label, result.seconds)
                    yield result
            except HostFault as fault:
                if self._joined is None or not self._joined.send_away(fault):
                    raise fault.explained() from None
                running.update(submit([group]))
            except self._dask.KilledWorker as error:
                if len(group) > 1:  # so that it shows at which partition workers die
                    running.update(submit([[item] for item in group]))
                    continue
                raise Refusal(
                    f"{error.allowed_failures + 1} Dask workers died on one partition, the last at "
                    f"{error.last_worker.address}. The kernel may have killed them for memory: use fewer workers or a "
                    "smaller partition_bytes, then run the same command again to resume.",
                    exit_code=1,
                ) from None
            running.update(more())

    def _workers(self) -> int:
        """Return the number of workers."""
        return max(1, self._joined.connected if self._joined else len(self._cluster.workers))

    def ask(self, question: Question) -> list[Reply]:
        """Ask every worker of a running scheduler."""
        return self._joined.ask(question) if self._joined else []

    def close(self) -> None:
        """Disconnect from the cluster, and stop it if it was started here."""
        if self._joined is not None:
            self._joined.close()
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
