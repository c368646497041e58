"""Rows of a mix as PyTorch datasets, in the order in which the bundled trainer reads them.

The order is a function of the mix, the seed and the position alone. A stopped training may go on with another number
of processes or workers: the same global batches follow.
"""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike, fspath
from typing import NamedTuple, TypedDict

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset

from .model.diffusion.batch import Batch
from .model.network.slices import slice_table
from .schemas.config.load import check
from .schemas.config.load_training import PAGE, load_mix
from .schemas.config.mix import MixFile
from .schemas.config.training import TrainConfig
from .schemas.errors import Mismatch
from .train.data.collate import collate, gather, keep_segments
from .train.data.loader import Loader
from .train.data.plan import Plan, make_plan, plan_of
from .train.data.row_order import RowOrder
from .train.data.shard_cache import ShardCache
from .train.data.shards import Shards
from .train.data.split import is_held_out

Mix = str | PathLike[str] | Mapping[str, object] | MixFile | TrainConfig
CACHE, CACHE_BYTES = "~/.cache/triptych", 100_000_000_000


class State(TypedDict):
    """What a resumed stream needs: rows of all processes that were consumed, and the fingerprint of the plan."""

    position: int
    plan: str


class MixRow(NamedTuple):
    """One packed row.

    Attributes:
        tokens: (row_length,) int64 ids.
        segment: (row_length,) int32; 0 is padding, else the number of the segment, from 1.
        modality: (row_length,) uint8; 0 special, 1 text, 2 image, 3 audio.
        position: (row_length,) int32; place in the segment, from 0.
    """

    tokens: torch.Tensor
    segment: torch.Tensor
    modality: torch.Tensor
    position: torch.Tensor


class MixStream(IterableDataset[Batch]):
    """The batches of one process, step after step: its share of each global batch of a mix.

    Use it alone or in ``DataLoader(stream, batch_size=None)`` without worker processes; it reads ahead in threads of
    its own.

    Args:
        mix: Path of a mix file or train file, or its content. A train file's seed, validation share and number of
            steps apply, so that the stream is the one that ``triptych train`` reads.
        seed: Seed of the order of rows; by default that of the file.
        steps: Global batches; by default those of the train file, or as many as the mix lasts without repetition.
        validation: Share of the documents that are held out and so left out; by default that of the train file, or 0.
        rank: Number of this process.
        world: Number of processes, which share each global batch of `batch_tokens` evenly.
        workers: Threads that build batches ahead.

    Raises:
        Refusal: The datasets cannot be mixed, or a step has rows that the processes cannot share evenly.
    """

    def __init__(
        self,
        mix: Mix,
        *,
        seed: int | None = None,
        steps: int | None = None,
        validation: float | None = None,
        rank: int = 0,
        world: int = 1,
        workers: int = 1,
    ) -> None:
        plan, cached = _plan(mix, seed, steps, validation)
        self._loader = Loader(plan, Shards(plan, ShardCache(*cached)), rank=rank, world=world, workers=workers)
        self._plan = plan

    def __len__(self) -> int:
        """Number of batches from the first to the last step, whatever the position."""
        return self._plan.steps

    def __iter__(self) -> Iterator[Batch]:
        """Iterate from the current position to the end of the mix."""
        for (micro,) in self._loader:
            yield micro.batch

    def state_dict(self) -> State:
        """Return the position after the last batch that was handed out, the same on every process."""
        return State(position=self._loader.position, plan=self._plan.fingerprint)

    def load_state_dict(self, state: State) -> None:
        """Continue after the batches that were handed out when the state was taken, by any number of processes.

        Raises:
            Mismatch: The state is that of another mix, seed or validation share.
        """
        self._loader.load_state({"position": state["position"], "plan": state["plan"]})


class MixRows(Dataset[MixRow]):
    """The packed rows of a mix by their position in the stream: ``rows[i]`` is what the trainer reads i-th.

    Args:
        mix: As of `MixStream`.
        seed: As of `MixStream`.
        steps: As of `MixStream`.
        validation: As of `MixStream`.

    Raises:
        Refusal: The datasets cannot be mixed.
    """

    def __init__(
        self, mix: Mix, *, seed: int | None = None, steps: int | None = None, validation: float | None = None
    ) -> None:
        self._plan, self._cached = _plan(mix, seed, steps, validation)
        self._start = 0
        self._open()

    def _open(self) -> None:
        self._shards, self._order = Shards(self._plan, ShardCache(*self._cached)), RowOrder(self._plan)
        self._slices = slice_table(self._plan.vocabulary)

    def __len__(self) -> int:
        """Number of rows from the current start to the end of the mix."""
        return self._plan.steps * self._plan.rows - self._start

    def __getitem__(self, index: int) -> MixRow:
        """Return row `index`, counted from the current start."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[MixRow]:
        """Return several rows; a `DataLoader` calls this for a whole batch."""
        for index in indices:
            if not 0 <= index < len(self):
                raise IndexError(f"row {index}: there are rows 0 to {len(self) - 1}")
        at = self._order.locate(np.asarray(indices, np.int64) + self._start)
        rows = gather(self._shards, at)
        if self._plan.validation:
            rows = keep_segments(rows, ~is_held_out(rows.split_key, self._plan.validation))
        batch = collate(rows, self._slices)
        columns = (batch.tokens_BL, batch.segment_BL, batch.modality_BL, batch.position_BL)
        return [MixRow(*row) for row in zip(*columns, strict=True)]

    def state_dict(self, consumed: int = 0) -> State:
        """Return the position after `consumed` rows from the current start, counted over all processes."""
        return State(position=self._start + consumed, plan=self._plan.fingerprint)

    def load_state_dict(self, state: State) -> None:
        """Let row 0 be the row at the state's position.

        Raises:
            Mismatch: The state is that of another mix, seed or validation share.
        """
        if state["plan"] != self._plan.fingerprint:
            sides = ("the state", state["plan"]), ("this mix", self._plan.fingerprint)
            raise Mismatch.between("plan", *sides, "Use the datasets, weights, seed and validation share of before.")
        self._start = state["position"]

    def __getstate__(self) -> dict[str, object]:
        """Leave out what cannot be sent to a worker process of a `DataLoader`, which opens the shards itself."""
        return {name: value for name, value in self.__dict__.items() if name in ("_plan", "_cached", "_start")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._open()


def _plan(mix: Mix, seed: int | None, steps: int | None, validation: float | None) -> tuple[Plan, tuple[str, int]]:
    """The plan of a mix or train file, with these values where they are given; folder and size of the shard cache."""
    given = _config(mix)
    if isinstance(given, MixFile):
        first = given.seed if seed is None else seed
        return make_plan(given, seed=first, steps=steps, validation=validation or 0.0), (CACHE, CACHE_BYTES)
    data = given.data if validation is None else given.data.model_copy(update={"validation": validation})
    update = {"data": data, "seed": given.seed if seed is None else seed, "steps": steps or given.steps}
    return plan_of(given.model_copy(update=update)), (data.cache, data.cache_bytes)


def _config(mix: Mix) -> MixFile | TrainConfig:
    if isinstance(mix, MixFile | TrainConfig):
        return mix
    if not isinstance(mix, Mapping):
        return load_mix(fspath(mix))
    if "data" in mix:
        return check(TrainConfig, dict(mix), "the mix", PAGE)
    return check(MixFile, dict(mix), "the mix", PAGE)
