"""Checks that what is evaluated as held out was not trained on by the run."""

from collections.abc import Sequence

from ...schemas.dataset.reader import Dataset
from ...schemas.errors import Refusal
from ..data.overlap import Part, require_disjoint
from ..run_record import RunRecord, TrainedOn

OPTION = "--allow-overlap"


def require_unseen(datasets: Sequence[Dataset], record: RunRecord) -> None:
    """Raise Refusal if held-out documents of datasets were trained on, or if that can no longer be told.

    Args:
        datasets: The evaluated datasets.
        record: The run. Its documents are held out by their content or by their ids, as its datasets had it; where that
            is what the evaluated datasets have, nothing has to be compared.
    """
    share = record.training.data.validation
    if not share:
        return
    for dataset in datasets:
        known = dataset.manifest.fingerprint in {one.fingerprint for one in record.trained_on}
        other = [one for one in record.trained_on if one.has_content != dataset.manifest.has_content]
        if other and not known:
            require_disjoint([_part(dataset)], [_part(_opened(one, dataset)) for one in other], share, OPTION)


def _opened(one: TrainedOn, evaluated: Dataset) -> Dataset:
    """Open a dataset of the run; raises Refusal if it is no longer there."""
    try:
        found = Dataset(one.path)
    except Refusal:
        found = None
    if found is None or found.manifest.fingerprint != one.fingerprint:
        raise Refusal(
            f"{evaluated.url}: holds other documents out than {one.path} did when the run was trained on it, and that "
            f"dataset is no longer there, so it cannot be told which of them were trained on. Evaluate on the dataset "
            f"of the run, or give {OPTION} to go on all the same."
        )
    return found


def _part(dataset: Dataset) -> Part:
    return Part(dataset.url, dataset.manifest.fingerprint, tuple(dataset.manifest.groups))
