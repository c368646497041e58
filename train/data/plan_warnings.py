"""What a user should know about a plan before anything is trained on it."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ...schemas.config.mix import MixEntry
from ...schemas.config.model import MaskedObjective, ObjectiveConfig
from ...schemas.dataset.reader import Dataset
from ...schemas.vocabulary import Kind, Modality
from .mix import UNITS, Ints, rows_per_stream
from .selection import MixComponent

Floats = npt.NDArray[np.float64]
MANY_EPOCHS = 4  # up to here repeated data is almost as good as new data (https://arxiv.org/abs/2305.16264)


def cap_warnings(
    entries: Sequence[MixEntry], streams: Sequence[MixComponent], shares: Floats, capped: Floats
) -> Iterator[str]:
    """Shares that `max_epochs` lowers."""
    for stream, before, after in zip(streams, shares, capped, strict=True):
        if after < before * (1 - 1e-9):
            yield (
                f"{entries[stream.entry].path}, {stream.group}: `max_epochs` lowers its share of the rows from "
                f"{before:.2%} to {after:.2%}"
            )


def repeat_warnings(
    entries: Sequence[MixEntry], streams: Sequence[MixComponent], units: Ints, rows: int, steps: int
) -> Iterator[str]:
    """Rows that come twice within one batch, or more than MANY_EPOCHS times in all.

    Args:
        entries: Entries of the mix.
        streams: Its streams.
        units: (streams,) their shares of the rows.
        rows: Rows of a step.
        steps: Steps of the run.
    """
    for stream, share, total in zip(
        streams, units.tolist(), rows_per_stream(rows * steps, units).tolist(), strict=True
    ):
        what, epochs = f"{entries[stream.entry].path}, {stream.group}", total / stream.rows
        of_batch = rows * share / UNITS
        if of_batch > stream.rows:
            yield (
                f"{what}: a batch takes about {of_batch:,.0f} of its rows, but it has {stream.rows:,}, so batches hold "
                "rows twice; lower `batch_tokens` or its weight"
            )
        elif epochs > MANY_EPOCHS:
            yield (
                f"{what}: its rows are read {epochs:.1f} times; beyond {MANY_EPOCHS} epochs repeated data is worth "
                "much less than new data. Lower its weight or `steps`, or set `max_epochs`"
            )


def loss_warnings(objective: ObjectiveConfig, kinds: Collection[Kind]) -> Iterator[str]:
    """A loss that is 0 for every token that samples of these kinds have to predict."""
    predicted: set[Modality] = set()
    for kind in kinds:
        if not isinstance(objective, MaskedObjective):
            predicted.update(kind.modalities)
            continue
        for task, chance in objective.tasks[kind].items():
            if chance:
                predicted.update(kind.modalities if task.predicted is None else (task.predicted,))
    weights = objective.loss_weights
    names = sorted(modality.name.lower() for modality in predicted)
    if not any(getattr(weights, name) for name in names):
        yield (f"`objective.loss_weights` are all 0 for what is predicted ({', '.join(names)}), so nothing is learned")


def split_warnings(datasets: Sequence[Dataset]) -> Iterator[str]:
    """Datasets whose documents are held out by their ids."""
    for dataset in datasets:
        if not dataset.manifest.has_content:
            yield (
                f"{dataset.where}: an earlier version prepared it, so its documents are held out by their ids, not by "
                "their content; copies of a held-out document with other ids are trained on"
            )


def decontamination_warnings(datasets: Sequence[Dataset]) -> Iterator[str]:
    """Evaluation data that may be among the training data, or was."""
    for dataset in datasets:
        reports = dataset.manifest.decontamination
        if not reports:
            yield (
                f"{dataset.where}: was not compared with any evaluation set when it was prepared; "
                "evaluation data may be among the training data"
            )
        for report in reports:
            found = sum(count for modalities in report.hits.values() for count in modalities.values())
            if found:
                yield f"{dataset.where}: {found:,} rows were in evaluation set `{report.name}` and were dropped"
