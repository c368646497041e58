"""Functions that the workers of a Beam pipeline apply to elements."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...schemas.dataset.tables import DROPPED
from .base import MeasuredTask
from .beam_results import BeamResults, Span
from .partition import Outcome, commit, load
from .shuffle import Scatter
from .stage import WorkCount

Piece = tuple[int, bytes]  # index of the part that rows come from, and the rows as an Arrow stream


@dataclass(frozen=True)
class Work:
    """Runs the engine's task on every item of a batch and writes the results to the mailbox."""

    mailbox: BeamResults
    task: MeasuredTask[Any, Any]

    def __call__(self, span: Span) -> None:
        """Process the batch at `span`."""
        with self.mailbox.attempting(span[0]):
            self.mailbox.answer(span[0], [self.task(index, item) for index, item in self.mailbox.take(span)])


@dataclass(frozen=True)
class Split:
    """Splits the parts of a batch into pieces by bucket, for the buckets that are missing."""

    mailbox: BeamResults
    stage: Scatter
    missing: frozenset[int]

    def __call__(self, span: Span) -> list[tuple[int, Piece]]:
        """Return (bucket, piece) pairs; the first part has a piece for each bucket, so that empty buckets exist too."""
        pieces = []
        with self.mailbox.attempting(span[0]):
            for index, part in self.mailbox.take(span):
                outcome = self.stage.run(load(self.mailbox.store, part))
                rows = dict(zip(outcome.note["buckets"], outcome.table.to_batches(), strict=True))
                empty = pa.RecordBatch.from_pylist([], outcome.table.schema)
                travel = self.missing if index == 0 else self.missing & rows.keys()
                pieces += [(bucket, (index, _stream(rows.get(bucket, empty)))) for bucket in sorted(travel)]
        return pieces


@dataclass(frozen=True)
class Group:
    """Commits the pieces of a bucket as one part, in the order of the parts that they come from."""

    mailbox: BeamResults
    names: Mapping[int, str]  # bucket -> name of its file

    def __call__(self, grouped: tuple[int, Iterable[Piece]]) -> None:
        """Commit a bucket; its rows are sorted when they are loaded, as after any shuffle."""
        bucket = grouped[0]
        with self.mailbox.attempting(bucket):
            self.mailbox.answer(bucket, [MeasuredTask(self._commit)(bucket, grouped)])

    def _commit(self, grouped: tuple[int, Iterable[Piece]]) -> WorkCount:
        bucket, pieces = grouped
        table = pa.concat_tables(pa.ipc.open_stream(rows).read_all() for _, rows in sorted(pieces))
        done = commit(self.mailbox.store, self.names[bucket], Outcome(table, DROPPED.empty_table()))
        return WorkCount(table.num_rows, 0, (done,))


def _stream(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data
