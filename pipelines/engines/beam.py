"""The Beam engine: FnApiRunner on this machine, or Flink, Spark, Dataflow and other portable runners.

A description is one pipeline. Its elements are references to parts and, in a shuffle, Arrow tables; never documents.
Results are returned through a mailbox in the store, so that every runner can be used.
"""

import io
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from typing import Any, TypeVar

from ...schemas.config.run import BeamEngine
from ...schemas.errors import Refusal
from ...schemas.storage.store import Store
from .base import Engine, MeasuredTask, TaskResult
from .beam_errors import explained
from .beam_prism import Prism
from .beam_results import MAILBOXES, BeamResults, clear
from .beam_tasks import Work
from .beam_walk import BeamWalk
from .beam_workers import Workers, quiet_beam
from .host_guard import HostFault, HostGuard
from .journal import Journal
from .ledger_of_steps import LedgerOfSteps
from .partition import Partition
from .steps import Description, Given, Step
from .todo import Todo

A = TypeVar("A")
B = TypeVar("B")

POLL = 0.5  # seconds between two checks of the mailbox
LAG = 30.0  # seconds after which a listing shows what was written before


class Beam(Engine):
    """Runs one pipeline after another."""

    def __init__(self, store: Store, journal: Journal, config: BeamEngine) -> None:
        super().__init__(store, journal)
        self.jobs = 0  # pipelines that were begun
        self._collecting = ""  # what the tasks of `each` are
        self._config = config
        self._guard = None if config.runner in ("FnApiRunner", "PrismRunner") else HostGuard.of(store)
        self._beam = quiet_beam()
        self._workers: Workers | None = None
        self._prism: Prism | None = None
        options = self._pipeline().options  # invalid options are refused before any work
        for name in sorted(options.get_all_options(retain_unknown_options=True).keys() - options.get_all_options()):
            journal.say(f"engine.options: Beam does not know `{name}`; it is passed on to {config.runner}.")
        if config.runner == "PrismRunner":
            self._prism = Prism(str(config.options["prism_location"]))
        if config.workers is not None and config.workers > 1:
            self._workers = Workers(config.workers)
        clear(store, MAILBOXES)  # left by killed runs

    def collect(self, label: str, task: Callable[[A], B], items: Sequence[A], known: int = 0) -> list[B]:
        """Run `task` on every item in one job; see `Engine.collect`."""
        self._collecting = label
        return super().collect(label, task, items, known)

    def each(self, task: Callable[[A], B], todo: Todo[A]) -> Iterator[TaskResult[B]]:
        """Run one pipeline; yield results as their batches finish."""
        while todo:
            items = [item for _, item in todo.take(len(todo))]
            mailbox = self._mailbox()
            spans = mailbox.post(items)
            pipeline = self._pipeline()
            create = self._beam.Create(spans, reshuffle=self._reshuffle)
            _ = pipeline | create | self._beam.Map(Work(mailbox, MeasuredTask(task, self._guard)))
            numbers = [number for number, *_ in spans]
            self._begin_job(self._collecting)
            with self._running(pipeline, mailbox) as arrived:
                yield from arrived
            yield from mailbox.rest(numbers)
            self._require(mailbox.lost(numbers))

    def carry_out(self, description: Description, ledger: LedgerOfSteps) -> Mapping[Step, list[Partition]]:
        """Carry out everything that is not committed in one pipeline."""
        from .beam_pipeline import PipelineBuilder

        walk = BeamWalk(self.store, self.index, ledger, description, self.ledger_rows)
        walk.begin()
        if not walk.unfinished():
            return walk.results()
        mailbox, pipeline = self._mailbox(), self._pipeline()
        builder = PipelineBuilder(
            pipeline, walk, mailbox, self.store, self.ledger_rows, reshuffle=self._reshuffle, guard=self._guard
        )
        steps = builder.build()
        self._begin_job(", ".join(dict.fromkeys(step.label for step in steps if not isinstance(step, Given))))
        with self._running(pipeline, mailbox) as arrived:
            for event in arrived:
                walk.take(event)
            # listings of shared file systems may lag behind
            deadline = time.monotonic() + LAG
            while walk.unfinished() and time.monotonic() < deadline:
                for event in mailbox.results():
                    walk.take(event)
                time.sleep(POLL if walk.unfinished() else 0)
        self._require(walk.missing())
        return walk.results()

    def close(self) -> None:
        """Stop processes that were started here; those of a cluster keep running."""
        if self._workers is not None:
            self._workers.close()
        if self._prism is not None:
            self._prism.close()

    def _begin_job(self, what: str) -> None:
        self.jobs += 1
        self.journal.say(f"Beam job {self.jobs}: {what}")

    @property
    def _reshuffle(self) -> bool:
        return self._config.runner != "FnApiRunner" or self._workers is not None

    def _require(self, missing: int) -> None:
        if missing:
            raise Refusal(
                f"engine: {self._config.runner} finished, but the results of {missing} tasks are missing. Run "
                "the same command again to resume; if it happens again, use another runner.",
                exit_code=1,
            )

    def _mailbox(self) -> BeamResults:
        return BeamResults(self.store, f"{MAILBOXES}/{uuid.uuid4().hex}")

    def _pipeline(self) -> Any:
        """Create an empty pipeline for the configured runner; raises Refusal when Beam rejects the options."""
        from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

        runner: Any = self._config.runner
        options = dict(self._config.options)
        if self._workers is not None:
            runner, options["direct_num_workers"] = self._workers.runner(), self._config.workers
        elif runner == "FnApiRunner":
            runner = FnApiRunner()
        elif self._prism is not None:
            del options["prism_location"]
            runner, options["job_endpoint"] = "PortableRunner", self._prism.endpoint
            options.setdefault("environment_type", "LOOPBACK")
        try:
            return self._beam.Pipeline(runner, _parsed(options))
        except Exception as error:
            raise Refusal(
                f"engine.options: {self._config.runner} does not accept them ({' '.join(str(error).split())}). "
                "docs/how-to/clusters.md shows options that work."
            ) from None

    @contextmanager
    def _running(self, pipeline: Any, mailbox: BeamResults) -> Iterator[Iterator[Any]]:
        """Run a pipeline; yields an iterator over the results as they arrive, which ends with the pipeline."""
        run = _Run(pipeline)
        run.start()
        try:
            yield self._results(run, mailbox)
        finally:
            run.cancel()
            clear(self.store, mailbox.folder)

    def _results(self, run: "_Run", mailbox: BeamResults) -> Iterator[Any]:
        running = True
        while running:
            run.join(POLL)
            running = run.is_alive()
            if self._workers is not None:
                self._workers.fail_if_one_died()
            yield from mailbox.results()
        if run.error is not None:
            failure = mailbox.failure()
            raise failure.explained() if isinstance(failure, HostFault) else failure or self._explained(run.error)

    def _explained(self, error: BaseException) -> Refusal:
        words = f"; Prism's log ends with: {self._prism.last_words}" if self._prism else ""
        return Refusal(explained(self._config, f"{type(error).__name__}: {error}{words}"), exit_code=1)


def _parsed(options: Mapping[str, Any]) -> Any:
    """Parse pipeline options; raises ValueError with the message that argparse prints before it exits."""
    from apache_beam.options.pipeline_options import PipelineOptions

    untyped: Any = PipelineOptions
    message, parsed = io.StringIO(), untyped.from_dictionary(options)
    try:
        with redirect_stderr(message):
            parsed.get_all_options()
    except SystemExit:
        raise ValueError(message.getvalue().rpartition("error: ")[2]) from None
    return parsed


class _Run(threading.Thread):
    """A running pipeline, in a thread, since FnApiRunner returns only at the end."""

    def __init__(self, pipeline: Any) -> None:
        super().__init__(daemon=True)
        self.error: BaseException | None = None
        self._pipeline = pipeline
        self._result: Any = None

    def run(self) -> None:
        try:
            self._result = self._pipeline.run()
            self._result.wait_until_finish()
        except BaseException as error:
            self.error = error

    def cancel(self) -> None:
        """Stop the pipeline on a cluster, for example after Ctrl-C."""
        if self.is_alive() and self._result is not None:
            with suppress(Exception):
                self._result.cancel()
