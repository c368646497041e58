"""Worker processes for Beam's FnApiRunner that outlive a pipeline.

Its own multi-processing mode starts new ones for each pipeline, which costs seconds every time, and waits for ever
for one that was killed.
"""

import importlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from itertools import cycle
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from .base import PRELOAD


class Workers:
    """So many processes; each takes part in one pipeline after another."""

    def __init__(self, count: int) -> None:
        threading.excepthook = _silent_on_broken_streams(threading.excepthook)
        context = multiprocessing.get_context("forkserver")  # gRPC does not survive a fork of the driver
        self._processes, self._requests = [], []
        for _ in range(count):
            theirs, ours = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._requests.append(ours)
        self._turns = cycle(self._requests)
        self._handlers: list[Any] = []  # of the pipeline that runs

    def runner(self) -> Any:
        """A FnApiRunner that takes these where it would start a process for a pipeline."""
        from apache_beam.portability import python_urns
        from apache_beam.runners.portability.fn_api_runner import worker_handlers
        from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
        from apache_beam.transforms import environments

        workers, self._handlers = self, []

        class Handler(worker_handlers.GrpcWorkerHandler):
            """How the runner gets at one of them."""

            def __init__(self, command: bytes, *rest: Any) -> None:
                super().__init__(*rest)

            def start_worker(self) -> None:
                workers.join(self)

            def stop_worker(self) -> None:
                """It goes on to the next pipeline."""

        worker_handlers.WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)(Handler)
        return FnApiRunner(environments.SubprocessSDKEnvironment.from_command_string(""))

    def join(self, handler: Any) -> None:
        """Have the next worker take part in the pipeline of a handler."""
        self._handlers.append(handler)
        next(self._turns).send((handler.control_address, handler.worker_id))

    def abort_if_one_died(self) -> None:
        """Make the pipeline fail that waits for a worker which is gone."""
        if not all(process.is_alive() for process in self._processes):
            for handler in self._handlers:
                handler.control_conn.abort(RuntimeError("a worker process died"))

    def close(self) -> None:
        """Stop them, whatever they are at."""
        for process in self._processes:
            process.terminate()
            process.join()


def quiet_beam() -> Any:
    """The package, silent: what goes wrong is raised as well."""
    logging.disable(logging.WARNING)  # it misses the clients of clouds that nobody uses
    try:
        import apache_beam
    finally:
        logging.disable(logging.NOTSET)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    return apache_beam


def _silent_on_broken_streams(hook: Callable[[threading.ExceptHookArgs], Any]) -> Callable[..., None]:
    """Beam's threads raise when a worker is gone; that is told once, by whoever stopped it or misses it."""
    from grpc import RpcError  # type: ignore[import-untyped]

    def silent(args: threading.ExceptHookArgs) -> None:
        if not isinstance(args.exc_value, RpcError):
            hook(args)

    return silent


def _work(requests: Connection) -> None:
    """What a worker does, until its driver is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    quiet_beam()
    from apache_beam.runners.worker.sdk_worker import SdkHarness

    for module in PRELOAD:
        importlib.import_module(module)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 Beam prints what a task raises; the driver raises it
    asked: SimpleQueue[tuple[str, str]] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests, asked), daemon=True).start()
    while True:
        address, worker_id = asked.get()
        SdkHarness(address, worker_id=worker_id, state_cache_size=0, data_buffer_time_limit_ms=0).run()


def _listen(requests: Connection, asked: "SimpleQueue[tuple[str, str]]") -> None:
    try:
        while True:
            asked.put(requests.recv())
    except EOFError:
        os._exit(1)  # the driver is gone, and whoever resumes its run does the rest
