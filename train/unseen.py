"""Checks that what a run validates on, or is evaluated on, was not trained on by the run."""

from collections.abc import Sequence

from ..schemas.dataset.reader import Dataset
from ..schemas.errors import Refusal
from .data.overlap import Part, count_moved, may_differ, require_disjoint
from .run_record import RunRecord, TrainedOn


def require_unseen(datasets: Sequence[Dataset], record: RunRecord, key: str) -> None:
    """Raise Refusal if held-out documents of datasets were trained on, or if that can no longer be told.

    Args:
        datasets: The datasets whose held-out documents are used.
        record: The run. Its documents are held out by their content, or in datasets of earlier versions by their ids;
            among datasets that have the content, nothing has to be compared.
        key: Key or option with which a user goes on all the same, for the message.
    """
    share = record.training.data.validation
    if not share:
        return
    for dataset in datasets:
        other = [one for one in record.trained_on if may_differ(one, dataset.manifest)]
        if other:
            require_disjoint([_part(dataset)], [_part(_opened(one, dataset, key)) for one in other], share, key)


def require_share_kept(datasets: Sequence[Dataset], record: RunRecord, share: float, key: str) -> None:
    """Raise Refusal if a larger share of the documents is held out than before, so that some of them were trained on.

    Args:
        datasets: Datasets of the run.
        record: The run, with all shares that it has held out so far.
        share: Share of documents that is held out from here on.
        key: Key with which a user goes on all the same, for the message.
    """
    changed = [change.keys["data.validation"] for change in record.changes if "data.validation" in change.keys]
    least = min([record.training.data.validation, *(float(value) for pair in changed for value in pair)])
    if share <= least:
        return
    count = sum(count_moved(_part(dataset), least, share) for dataset in datasets)
    if count:
        raise Refusal(
            f"`data.validation: {share:g}`: {count:,} documents that it holds out were trained on while {least:g} were "
            f"held out. Keep the share at {least:g} or below, or give {key} to go on all the same."
        )


def _opened(one: TrainedOn, used: Dataset, key: str) -> Dataset:
    """Open a dataset of the run; raises Refusal if it is no longer there."""
    try:
        found = Dataset(one.path)
    except Refusal:
        found = None
    if found is None or found.manifest.fingerprint != one.fingerprint:
        raise Refusal(
            f"{used.url}: holds other documents out than {one.path} did when the run was trained on it, and that "
            "dataset is no longer there, so it cannot be told which of them were trained on. Use the dataset of the "
            f"run, or give {key} to go on all the same."
        )
    return found


def _part(dataset: Dataset) -> Part:
    return Part(dataset.url, dataset.manifest.fingerprint, tuple(dataset.manifest.groups))
