"""The Beam engine: FnApiRunner on this machine, or Flink, Spark, Dataflow and other portable runners.

Each step of the run is a pipeline. Its elements are batches of references to parts and, in a shuffle, Arrow tables;
never documents. Results are returned through a mailbox in the store, so that every runner can be used.
"""

import io
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import replace
from typing import Any, TypeVar

from ...schemas.config.run import BeamEngine
from ...schemas.errors import Refusal, brief
from ...schemas.storage.store import Store
from .base import Engine, MeasuredTask, TaskResult
from .beam_results import MAILBOXES, BeamResults, Span, clear
from .beam_tasks import Group, Split, Work
from .beam_workers import Workers, quiet_beam
from .journal import Journal
from .partition import Partition
from .shuffle import Scatter, bucket_keys
from .stage import WorkCount, part_key, part_name

A = TypeVar("A")
B = TypeVar("B")

POLL = 0.5  # seconds between two checks of the mailbox


class Beam(Engine):
    """Runs one pipeline after another."""

    def __init__(self, store: Store, journal: Journal, config: BeamEngine) -> None:
        super().__init__(store, journal)
        self._config = config
        self._beam = quiet_beam()
        self._workers: Workers | None = None
        options = self._pipeline().options  # invalid options are refused before any work
        for name in sorted(options.get_all_options(retain_unknown_options=True).keys() - options.get_all_options()):
            journal.say(f"engine.options: Beam does not know `{name}`; it is passed on to {config.runner}.")
        if config.workers is not None and config.workers > 1:
            self._workers = Workers(config.workers)
        clear(store, MAILBOXES)  # left by killed runs

    def each(self, task: Callable[[A], B], items: Sequence[A]) -> Iterator[TaskResult[B]]:
        """Run one pipeline; yield results as their batches finish."""
        if not items:
            return
        mailbox = self._mailbox()
        spans = mailbox.post(items)
        pipeline = self._pipeline()
        _ = self._elements(pipeline, spans) | self._beam.Map(Work(mailbox, MeasuredTask(task)))
        yield from self._run(pipeline, mailbox, [number for number, *_ in spans])

    def shuffle(self, parts: Sequence[Partition], by: str, into: int) -> list[Partition]:
        """Shuffle with Beam's GroupByKey on bucket numbers, unless another engine has already scattered every part."""
        stage, parts = Scatter(by, into), [replace(part, sort_by=None) for part in parts]
        existing = self.committed(stage.name)
        if all(part_name(stage.name, part_key(stage, part)) in existing for part in parts):
            return super().shuffle(parts, by, into)
        keys = bucket_keys(stage, parts)
        names = {bucket: part_name(stage.name, key) for bucket, key in enumerate(keys)}
        missing = {bucket: name for bucket, name in names.items() if name not in existing}
        with self.journal.step(stage.name, into, into - len(missing)) as step:
            for done in self._group(stage, parts, missing):
                self.index.add(done.result.committed)
                step.advance(done.process, done.peak_bytes, done.result.rows)
        return self.grouped(stage, keys)

    def close(self) -> None:
        """Stop local worker processes; those of a cluster keep running."""
        if self._workers is not None:
            self._workers.close()

    def _group(
        self, stage: Scatter, parts: Sequence[Partition], missing: Mapping[int, str]
    ) -> Iterator[TaskResult[WorkCount]]:
        if not missing:
            return
        mailbox = self._mailbox()
        spans = mailbox.post(parts)
        pipeline = self._pipeline()
        split = self._beam.FlatMap(Split(mailbox, stage, frozenset(missing)))
        pieces = self._elements(pipeline, spans) | split.with_output_types(tuple[int, tuple[int, bytes]])
        _ = pieces | self._beam.GroupByKey() | self._beam.Map(Group(mailbox, missing))
        yield from self._run(pipeline, mailbox, missing)

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
        try:
            return self._beam.Pipeline(runner, _parsed(options))
        except Exception as error:
            raise Refusal(
                f"engine.options: {self._config.runner} does not accept them ({' '.join(str(error).split())}). "
                "docs/how-to/clusters.md shows options that work."
            ) from None

    def _elements(self, pipeline: Any, spans: Sequence[Span]) -> Any:
        # without a reshuffle, runners fuse the steps, and the worker that creates the elements would do all the work
        in_memory = self._config.runner == "FnApiRunner" and self._workers is None
        return pipeline | self._beam.Create(spans, reshuffle=not in_memory)

    def _run(self, pipeline: Any, mailbox: BeamResults, batches: Collection[int]) -> Iterator[TaskResult[Any]]:
        run = _Run(pipeline)
        run.start()
        running = True
        try:
            while running:
                run.join(POLL)
                running = run.is_alive()
                if self._workers is not None:
                    self._workers.fail_if_one_died()
                yield from mailbox.results()
            if run.error is not None:
                raise mailbox.failure() or self._explained(run.error)
            yield from mailbox.rest(batches)
        finally:
            run.cancel()
            clear(self.store, mailbox.folder)
        if lost := mailbox.lost(batches):
            raise Refusal(
                f"engine: {self._config.runner} finished, but {lost} batches of results are missing. Run "
                "the same command again to resume; if it happens again, use another runner.",
                exit_code=1,
            )

    def _explained(self, error: BaseException) -> Refusal:
        why = brief(f"{type(error).__name__}: {error}", 400)
        return Refusal(
            f"engine: {self._config.runner} failed ({why}). If a worker ran out of memory, use fewer "
            "workers or a smaller partition_bytes. Run the same command again to resume.",
            exit_code=1,
        )


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
