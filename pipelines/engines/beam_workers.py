"""Worker processes for Beam's FnApiRunner that are reused by all pipelines.

Its own multi-processing mode starts new processes for each pipeline, which takes seconds every time, and waits forever
for a process that was killed.
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
    """A number of processes that serve one pipeline after another."""

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
        self._handlers: list[Any] = []  # of the current pipeline

    def runner(self) -> Any:
        """Return a FnApiRunner that uses these processes instead of starting its own."""
        from apache_beam.portability import python_urns
        from apache_beam.runners.portability.fn_api_runner import worker_handlers as handlers
        from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
        from apache_beam.transforms import environments

        worker_handlers: Any = handlers
        worker_handlers.grpc = _OnThisMachine()
        workers, self._handlers = self, []

        class Handler(handlers.GrpcWorkerHandler):
            """Beam's interface to one of the processes."""

            def __init__(self, command: bytes, *rest: Any) -> None:
                super().__init__(*rest)

            def start_worker(self) -> None:
                workers.join(self)

            def stop_worker(self) -> None:
                """Keep the process for the next pipeline."""

        worker_handlers.WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)(Handler)
        return FnApiRunner(environments.SubprocessSDKEnvironment.from_command_string(""))

    def join(self, handler: Any) -> None:
        """Connect the next worker to the pipeline of a handler."""
        self._handlers.append(handler)
        next(self._turns).send((handler.control_address, handler.worker_id))

    def fail_if_one_died(self) -> None:
        """Make the current pipeline fail when a worker has died, since it would wait for it."""
        if not all(process.is_alive() for process in self._processes):
            for handler in self._handlers:
                handler.control_conn.abort(RuntimeError("a worker process died"))

    def close(self) -> None:
        """Stop the processes at once."""
        for process in self._processes:
            process.terminate()
            process.join()


class _OnThisMachine:
    """The module grpc, as Beam's runner uses it, with servers that listen on 127.0.0.1 alone.

    Beam opens them on all addresses, and what comes over them is unpickled.
    """

    def __getattr__(self, name: str) -> Any:
        import grpc

        return getattr(grpc, name)

    def server(self, *arguments: Any, **more: Any) -> Any:
        """Create a server."""
        import grpc

        server: Any = grpc.server(*arguments, **more)
        listen = server.add_insecure_port
        server.add_insecure_port = lambda address: listen(address.replace("[::]", "127.0.0.1"))
        return server


def quiet_beam() -> Any:
    """Import Beam with its logging turned off; errors are raised anyway."""
    logging.disable(logging.WARNING)  # it warns about missing cloud clients
    try:
        import apache_beam
    finally:
        logging.disable(logging.NOTSET)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    return apache_beam


def _silent_on_broken_streams(hook: Callable[[threading.ExceptHookArgs], Any]) -> Callable[..., None]:
    """Ignore gRPC errors in Beam's threads when a worker is gone; the driver reports that once."""
    from grpc import RpcError

    def silent(args: threading.ExceptHookArgs) -> None:
        if not isinstance(args.exc_value, RpcError):
            hook(args)

    return silent


def _work(requests: Connection) -> None:
    """Main function of a worker, until its driver has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver handles Ctrl-C
    quiet_beam()
    from apache_beam.runners.worker.sdk_worker import SdkHarness

    for module in PRELOAD:
        importlib.import_module(module)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 Beam prints exceptions of tasks, but the driver raises them
    pipelines: SimpleQueue[tuple[str, str]] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests, pipelines), daemon=True).start()
    while True:
        address, worker_id = pipelines.get()
        SdkHarness(address, worker_id=worker_id, state_cache_size=0, data_buffer_time_limit_ms=0).run()


def _listen(requests: Connection, pipelines: "SimpleQueue[tuple[str, str]]") -> None:
    try:
        while True:
            pipelines.put(requests.recv())
    except EOFError:
        os._exit(1)  # the driver has ended; a resumed run does the rest
