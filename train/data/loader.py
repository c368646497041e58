"""Data loader: each process gets its part of every global batch, built ahead of time by threads.

What comes at a position is a function of the plan alone. World size, micro-batch size and number of threads only divide
the same rows differently, so a run may be resumed with others; the state is a single number. A plan that was changed
while the run was stopped goes on behind the rows that its streams have already given.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from itertools import pairwise
from typing import Any, NamedTuple

import torch

from ...model.diffusion.batch import Batch
from ...model.diffusion.noise_levels import RowPlacement
from ...model.network.slices import slice_table
from ...schemas.config.training import TrainConfig
from ...schemas.errors import Mismatch, Refusal
from .collate import collate, gather, keep_segments
from .plan import Plan
from .row_order import RowOrder
from .shards import Shards
from .split import is_held_out

AHEAD = 2  # global batches that are built in advance, besides one per thread


class MicroBatch(NamedTuple):
    """Rows that a process passes through the model at once."""

    batch: Batch
    placement: RowPlacement  # position of its rows in the global batch


class Loader:
    """Iterator over the steps of a plan; yields the micro-batches of one process.

    Raises:
        Refusal: If the rows of a step cannot be shared evenly by the processes; on damaged shards, when they are
            reached.
    """

    def __init__(
        self,
        plan: Plan,
        shards: Shards,
        *,
        rank: int = 0,
        world: int = 1,
        micro_rows: int | None = None,
        workers: int = 1,
        pin: bool = False,
    ) -> None:
        """Create a loader at the beginning of the plan.

        Args:
            plan: Plan of the run.
            shards: Its shards.
            rank: Rank of this process.
            world: Number of processes.
            micro_rows: Rows of a micro-batch; the last one of a step has the rest. None: all rows of the process.
            workers: Number of threads.
            pin: Whether to put the tensors into pinned memory.
        """
        self.plan = plan
        self._shards = shards
        self._order = RowOrder(plan)
        self._first_step = 0  # steps before position 0, under another plan or before a rollback
        self._before: Mapping[str, int] = {}  # rows of each stream in these
        self._slices = slice_table(plan.vocabulary)
        each, rest = divmod(plan.rows, world)
        if rest:
            raise Refusal(
                f"a step has {plan.rows} rows, which {world} processes cannot share evenly. "
                f"Change `data.batch_tokens` (rows of {plan.row_length}) or the number of processes."
            )
        self._mine = range(rank * each, (rank + 1) * each)
        self._micro_rows = micro_rows or each
        self._pin = pin
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="loader")
        self._depth = workers + AHEAD
        self._pending: deque[Future[list[MicroBatch]]] = deque()
        self._position = 0

    @property
    def position(self) -> int:
        """Number of rows of the plan that all processes have received so far."""
        return self._position

    def state(self) -> dict[str, Any]:
        """State from which a resumed run continues; with another plan, it also takes `rows_read`."""
        state: dict[str, Any] = {"position": self._position, "plan": self.plan.fingerprint}
        if self._before:
            state |= {"first_step": self._first_step, "before": dict(self._before)}
        return state

    def rows_read(self) -> dict[str, int]:
        """Rows that each stream has given so far, by `MixComponent.key`; also streams of earlier plans."""
        given = self._order.read_before(self._position).tolist()
        return {**self._before, **{stream.key: rows for stream, rows in zip(self.plan.streams, given, strict=True)}}

    def load_state(
        self, state: dict[str, Any], changed_at: int | None = None, read: Mapping[str, int] | None = None
    ) -> None:
        """Continue from a state of `state()`.

        Args:
            state: The state.
            changed_at: Number of steps done, if the plan may be another one: its streams then go on behind the rows
                that they have already given. None if it must be that of the state.
            read: These rows, from `rows_read()`; None if they are not known, as in checkpoints of early versions.

        Raises:
            Mismatch: If it is the state of another plan.
        """
        same = state["plan"] == self.plan.fingerprint
        if not same and changed_at is not None and read is not None:
            self.begin(changed_at, read)
            return
        if not same:
            sides = ("the checkpoint", state["plan"]), ("this run", self.plan.fingerprint)
            fix = "Resume with the original datasets, weights, seed and validation share, or start a new run."
            raise Mismatch.between("plan", *sides, fix)
        self.begin(state.get("first_step", 0), state.get("before", {}))
        self._position = state["position"]
        if changed_at is not None and self._position != (changed_at - self._first_step) * self.plan.rows:
            self.begin(changed_at, self.rows_read())  # a step has another number of rows now

    def begin(self, step: int, read: Mapping[str, int]) -> None:
        """Go on as step number `step`, behind rows that were read before; the result of `rows_read` tells them."""
        for future in self._pending:
            future.cancel()
        self._pending.clear()
        self._position, self._first_step, self._before = 0, step, read
        self._order = RowOrder(self.plan, read)

    def __iter__(self) -> Iterator[list[MicroBatch]]:
        return self

    def __next__(self) -> list[MicroBatch]:
        end = (self.plan.steps - self._first_step) * self.plan.rows
        if self._position >= end:
            raise StopIteration
        while len(self._pending) < self._depth:
            start = self._position + len(self._pending) * self.plan.rows
            if start >= end:
                break
            self._pending.append(self._pool.submit(self._build, start))
        step = self._pending.popleft().result()
        self._position += self.plan.rows
        return step

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _build(self, start: int) -> list[MicroBatch]:
        """The micro-batches of the global batch that begins at row `start` of the plan."""
        self._shards.prefetch(self._order, start)
        number = self._first_step + start // self.plan.rows
        cuts = [*self._mine[:: self._micro_rows], self._mine.stop]
        return [self._micro(start, low, high, number) for low, high in pairwise(cuts)]

    def _micro(self, start: int, low: int, high: int, number: int) -> MicroBatch:
        rows = gather(self._shards, self._order.between(start + low, start + high))
        if self.plan.validation:
            rows = keep_segments(rows, ~is_held_out(rows.split_key, self.plan.validation))
        placement = RowPlacement(number, torch.arange(low, high), self.plan.rows)
        return MicroBatch(self._ready(collate(rows, self._slices)), placement)

    def _ready(self, batch: Batch) -> Batch:
        if not self._pin:
            return batch
        return Batch(**{field.name: getattr(batch, field.name).pin_memory() for field in fields(batch)})


def micro_rows(config: TrainConfig, row_length: int) -> int | None:
    """Return the rows of a micro-batch; None: all rows of the process."""
    tokens = config.compute.micro_batch_tokens
    return None if tokens is None else max(1, tokens // (row_length * config.objective.copies))
