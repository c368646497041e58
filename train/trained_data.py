"""Open the data that a run was trained on, wherever it is now."""

import os
from pathlib import Path

from ..schemas.dataset.reader import Dataset
from ..schemas.errors import Refusal
from .run_record import RunRecord


def open_trained_data(record: RunRecord, run: Path, data: str | None) -> tuple[Dataset, ...]:
    """Open the datasets of a run.

    Args:
        record: Record of the run.
        run: Folder of the run, for messages.
        data: Dataset to open instead, as `--data` names it.

    Raises:
        Refusal: There is no dataset, or it is damaged.
    """
    if data is not None:
        return (Dataset(data),)
    return tuple(open_dataset(each.path, run) for each in record.trained_on)


def open_dataset(path: str, run: Path) -> Dataset:
    """Open a dataset that a run was trained on; raises Refusal as `open_trained_data` does."""
    try:
        return Dataset(path)
    except Refusal as refusal:
        relative = "" if "://" in path or os.path.isabs(path) else f" (relative to {os.getcwd()})"
        raise Refusal(
            f"{run}: was trained on `{path}`{relative}, which cannot be opened: {refusal} If the data has moved, give "
            "its place with `--data DATASET`.",
            exit_code=refusal.exit_code,
        ) from None
