"""A Dask cluster that other people start: waits for its workers, watches them, and says what is wrong with it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ...schemas.errors import Refusal, brief
from ...schemas.identity import parse_json
from .host_guard import HostFault
from .journal import Journal
from .worker_board import WorkerBoard
from .worker_check import Answer, Question, Reply, answer

ASKED = 60.0  # seconds in which a worker answers the first task, in which it imports the libraries
SILENT = 10.0  # seconds without a worker after which the user is told, and told again after twice as long
POLL = 1.0  # seconds between two looks at the workers
POLLED = 50  # workers that the scheduler describes in a second, so that a thousand take little of its time
LONGEST = 300.0  # seconds between two such lines


def address_of(scheduler: str, say: Callable[[str], None], wait: float | None) -> str:
    """Return the address of a scheduler that is given by it, or by its scheduler file, which may be written later.

    Raises:
        Refusal: The file did not appear within `wait` seconds, or holds no address.
    """
    if not scheduler.endswith(".json"):
        return scheduler
    waiting = _Waiting(
        f"there is no scheduler file {scheduler}", f"dask scheduler --port 0 --scheduler-file {scheduler}", say, wait
    )
    while not Path(scheduler).exists():
        waiting.seen(False)
        time.sleep(POLL / 10)
    try:
        return str(parse_json(Path(scheduler).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(
            f"engine.scheduler: {scheduler} is not a file that `dask scheduler --scheduler-file` wrote "
            f"({brief(error, 100)}). Give the path of one, or an address such as tcp://host:8786."
        ) from None


class DaskCluster:
    """The scheduler at an address and its workers."""

    def __init__(self, client: Any, address: str, journal: Journal, wait: float | None) -> None:
        self.board = WorkerBoard()
        self.connected = 1  # workers, as they were counted last
        self._client = client
        self._address = address
        self._journal = journal
        self._say = journal.say
        self._wait = wait
        self._problem: Refusal | None = None
        self._ended = threading.Event()
        # Dask logs what becomes one paragraph here
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)

    def start(self) -> None:
        """Wait for the first worker, and watch from then on that some are connected.

        Raises:
            Refusal: None was connected within `wait` seconds, or the scheduler went away.
        """
        waiting = self._waiting()
        with self.explaining():
            while not self._workers_or_wait(waiting):
                time.sleep(POLL / 10)
        threading.Thread(target=self._watch, daemon=True).start()

    def close(self) -> None:
        """End the watch."""
        self._ended.set()

    def workers(self) -> Mapping[str, Any]:
        """Return what the scheduler knows of each worker, by address."""
        found: Mapping[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return found

    def ask(self, question: Question) -> list[Reply]:
        """Ask every worker. One that is connected and does not answer, since it hangs, is named and left out.

        Raises:
            Refusal: None answered, or the scheduler went away.
        """
        with self.explaining():
            workers = self.workers()
            futures = {
                address: self._client.submit(
                    answer, question, workers=[address], allow_other_workers=False, pure=False, retries=0
                )
                for address in workers
            }
            self._await(list(futures.values()))
            return [
                reply
                for address, future in futures.items()
                if (reply := self._reply(address, workers[address], future)) is not None
            ]

    def _await(self, futures: list[Any]) -> None:
        import distributed

        untyped: Any = distributed
        with suppress(TimeoutError):
            untyped.wait(futures, timeout=ASKED)

    def _reply(self, address: str, worker: Mapping[str, Any], future: Any) -> Reply | None:
        host = str(worker["host"])
        if not future.done():
            future.cancel()
            if address in self.workers():
                self._say(
                    f"The worker at {address} on {host} has not answered for {ASKED:.0f} s. The run goes on without "
                    "it; look there whether its process hangs."
                )
            return None
        if future.status == "cancelled" or (future.status == "error" and address not in self.workers()):
            return None  # it left
        try:
            found: Answer = future.result()
        except Exception as error:
            return Reply(address, host, None, brief(f"{type(error).__name__}: {error}"))
        return Reply(address, found["host"], found)

    def send_away(self, fault: HostFault) -> bool:
        """Close a worker whose machine is at fault; returns False, and does nothing, if it is the last one."""
        with self.explaining():
            others = [address for address in self.workers() if address != fault.worker]
            if not others or not fault.worker:
                return False
            self._say(f"{fault.explained()} It is closed, and its tasks go to {len(others)} other workers.")
            self.board.event(str(fault.explained()))
            self._client.retire_workers([fault.worker])
        return True

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Turn the errors of a client without a scheduler into a Refusal that says how to go on."""
        from distributed.comm.core import CommClosedError

        try:
            yield
        except Refusal:
            raise
        except Exception as error:
            # a connection may be closed a moment before the client knows it
            if isinstance(error, CancelledError | CommClosedError) or self._client.status != "running":
                raise self._problem or self._lost() from None
            raise

    def _lost(self) -> Refusal:
        return Refusal(
            f"engine.scheduler: the Dask scheduler at {self._address} ended, or is not reached any more. Finished "
            "partitions are kept. Start a scheduler and workers again, then run the same command to resume.",
            exit_code=1,
        )

    def _watch(self) -> None:
        waiting = self._waiting()
        pause = POLL
        while not self._ended.wait(pause):
            try:
                self._workers_or_wait(waiting)
                workers = self.workers()
                self.board.look(workers, self._client.processing())
                self._journal.show_workers(self.board)
                pause = max(POLL, len(workers) / POLLED)
            except Refusal as refusal:
                self._problem = refusal
                with suppress(Exception):
                    self._client.close()  # which cancels what the driver waits for
                return
            except Exception:  # the driver's own calls tell why
                return

    def _workers_or_wait(self, waiting: "_Waiting") -> bool:
        if self._client.status != "running":
            raise CancelledError
        connected = len(self.workers())
        waiting.seen(connected > 0)
        self.connected = max(1, connected)
        return connected > 0

    def _waiting(self) -> "_Waiting":
        command = f"dask worker {self._address} --nthreads 1 --memory-limit 0 --preload triptych.pipelines.prepare"
        return _Waiting(f"no worker is connected to {self._address}", command, self._say, self._wait)


class _Waiting:
    """Says what is missing, again and again, until `limit` seconds are over."""

    def __init__(self, missing: str, command: str, say: Callable[[str], None], limit: float | None) -> None:
        self._missing, self._command, self._say, self._limit = missing, command, say, limit
        self._since: float | None = None
        self._next = SILENT

    def seen(self, there: bool) -> None:
        """Take note of whether it is there; raises Refusal when it was missing for too long."""
        if there:
            self._since, self._next = None, SILENT
            return
        now = time.monotonic()
        if self._since is None:
            self._since = now
        if self._limit is not None and now - self._since >= self._limit:
            raise Refusal(
                f"engine.scheduler: {self._missing}, and `wait` is over ({self._limit:g} s). Start one with "
                f"`{self._command}`, then run the same command again; finished partitions are kept.",
                exit_code=1,
            )
        if now - self._since >= self._next:
            self._next += min(LONGEST, self._next)
            self._say(f"{self._missing} (waiting; start one with `{self._command}`)")
