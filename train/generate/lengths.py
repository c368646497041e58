"""Lengths of generated samples, drawn from the lengths of training samples.

A masked model fills a given number of positions and does not decide how many there are. So an export holds a table of
the lengths of training samples, and a new sample takes the length of a real one with a similar condition: speech that
of a transcript of similar length, a caption that of any image's caption.

Shapes are named by suffix: S segments, U distinct lengths, K neighbours.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ...model.diffusion.tasks import MODALITIES
from ...schemas.config.model import Task
from ...schemas.errors import Refusal, brief
from ...schemas.vocabulary import Kind, Modality
from ..data.collate import Rows, gather
from ..data.plan import Plan
from ..data.row_order import Addresses
from ..data.shards import Shards

FILE = "lengths.parquet"
ROWS = 1024  # read from each stream, at most
NEIGHBOURS = 32  # number of samples with the most similar condition among which a length is drawn
NAMES = [modality.name.lower() for modality in MODALITIES]


def lengths_of(plan: Plan, shards: Shards) -> pa.Table:
    """Table of the lengths of training segments.

    Args:
        plan: Plan of the run.
        shards: Its shards; at most ROWS packed rows of each stream are read.

    Returns:
        Columns kind, text (with EOS), image, audio (tokens without structural ones) and count, the number of such
            segments.
    """
    first = 0
    tables: list[npt.NDArray[np.int64]] = []
    for stream in plan.streams:
        shard, left = first, ROWS
        first += len(stream.shards)
        while left > 0 and shard < first:
            rows = np.arange(min(left, len(shards.open(shard).tokens)))
            at = np.full(len(rows), shard)
            tables.append(_lengths(gather(shards, Addresses(at, rows, rows, np.zeros_like(rows)))))
            shard, left = shard + 1, left - len(rows)
    table_SC, count = np.unique(np.concatenate(tables), axis=0, return_counts=True)
    return pa.table(dict(zip(["kind", *NAMES], table_SC.T, strict=True)) | {"count": count})


def _lengths(rows: Rows) -> npt.NDArray[np.int64]:
    """(S, 4): kind, and number of tokens of each modality."""
    entry = rows.first[:, None] + rows.segment.astype(np.int64)  # in a table with an extra entry for each row's padding
    cells = entry * len(Modality) + rows.modality
    counts = np.bincount(cells.ravel(), minlength=(len(rows.number) + len(rows.row)) * len(Modality))
    tokens_SM = counts.reshape(-1, len(Modality))[rows.place]
    return np.column_stack([rows.columns["kind"].astype(np.int64), tokens_SM[:, list(MODALITIES)]])


class Lengths:
    """Draws lengths for new samples."""

    def __init__(self, table: pa.Table) -> None:
        self._columns = {name: table[name].to_numpy() for name in table.column_names}

    @classmethod
    def of_model(cls, folder: str | Path) -> "Lengths":
        """Read the table of an exported model.

        Raises:
            Refusal: If the folder has none.
        """
        path = Path(folder) / FILE
        if not path.is_file():
            raise Refusal(f"{folder}: has no {FILE}. Run `triptych train` to its end, which exports it.")
        try:
            table = pq.read_table(path)
            if table.column_names != ["kind", *NAMES, "count"] or not table.num_rows:
                raise ValueError("it is no table of lengths")
        except (pa.ArrowException, OSError, ValueError) as error:
            raise Refusal(
                f"{path}: is damaged ({brief(error, 200)}). Remove the folder `model`, and run `triptych train` again.",
                exit_code=1,
            ) from None
        return cls(table)

    def longest(self, modality: Modality) -> int:
        """Largest number of tokens of a modality in a segment (text: with EOS)."""
        return int(self._columns[modality.name.lower()].max())

    def longest_of(self, task: Task, modality: Modality) -> int:
        """Largest number of tokens of a modality in the segments of a task's kinds (text: with EOS); 0 if none."""
        wanted = {modality for modality in (task.given, task.predicted or Modality.TEXT) if modality is not None}
        tokens = self._columns[modality.name.lower()][self._of(task, wanted)]
        return int(tokens.max()) if tokens.size else 0

    def draw(self, task: Task, wanted: Modality, given: tuple[Modality, int] | None, uniform: float) -> int:
        """Draw the number of tokens of a modality to generate (text: with EOS).

        Args:
            task: Task of the sample.
            wanted: Modality to generate.
            given: Given modality and its number of tokens, or None. With a condition, only the training samples whose
                condition has the most similar length count.
            uniform: Number in (0, 1) that selects a length.

        Raises:
            Refusal: If the model was trained on no such samples.
        """
        chosen = self._of(task, {wanted} | ({given[0]} if given else set()))
        if not chosen.any():
            raise Refusal(f"task {task}: the model was trained on no such pairs. Choose another task.")
        lengths_U = self._columns[wanted.name.lower()][chosen]
        count_U = self._columns["count"][chosen]
        if given is not None:
            away_U = np.abs(self._columns[given[0].name.lower()][chosen] - given[1])
            order = np.argsort(away_U, kind="stable")
            near_K = order[: np.searchsorted(count_U[order].cumsum(), NEIGHBOURS) + 1]
            lengths_U, count_U = lengths_U[near_K], count_U[near_K]
        order = np.argsort(lengths_U, kind="stable")
        ends_U = count_U[order].cumsum()
        return int(lengths_U[order][np.searchsorted(ends_U, uniform * ends_U[-1], side="right")])

    def _of(self, task: Task, modalities: set[Modality]) -> npt.NDArray[np.bool_]:
        """Which rows of the table are of segments that a task learns from."""
        kinds = [
            kind for kind in Kind if modalities <= set(kind.modalities) and (task is not Task.TEXT or kind == "text")
        ]
        return np.isin(self._columns["kind"], [kind.code for kind in kinds])
