"""Which samples are longer than what a model was trained on."""

from collections.abc import Sequence

from ...schemas.config.model import Task
from ...schemas.vocabulary import Modality
from .lengths import Lengths
from .samples import Codes


def length_warning(task: Task, codes: Sequence[Codes], lengths: Lengths) -> str | None:
    """One warning about all samples that are longer than the longest training sample, or None.

    Args:
        task: Task of the samples.
        codes: Codes of each segment by modality.
        lengths: Lengths of the training samples.
    """
    over: dict[Modality, int] = {}
    count = 0
    for one in codes:
        sizes = {modality: array.size + int(modality is Modality.TEXT) for modality, array in one.items()}
        longer = {modality: size for modality, size in sizes.items() if size > lengths.longest_of(task, modality)}
        count += bool(longer)
        for modality, size in longer.items():
            over[modality] = max(size, over.get(modality, 0))
    if not count:
        return None
    what = " and ".join(
        f"{size:,} tokens of {modality.name.lower()}, where the longest in training had "
        f"{lengths.longest_of(task, modality):,}"
        for modality, size in over.items()
    )
    return (
        f"{count:,} of {len(codes):,} samples are longer than what the model was trained on: {what}. They may be poor."
    )
