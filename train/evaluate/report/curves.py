"""Learning curves of a run for a report, with the unigram entropy of its data as a baseline.

The unigram entropy of a modality is the loss of a model that knows how often each code occurs and nothing else. A model
has learned something about context only if its curve falls below that line.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from ....schemas.dataset.reader import Dataset
from ....schemas.errors import Refusal
from ...curves import chart_data, unigram_bits
from ...metrics_file import FILE, read_lines


def dataset_unigram_entropy(datasets: Sequence[Dataset]) -> dict[str, float]:
    """Unigram entropy of each modality in bits per token, from the code statistics in manifests.

    The mean over the codebooks of a modality, and over datasets by number of tokens.
    """
    return unigram_bits([dataset.manifest for dataset in datasets])


def curves(run: Path, name: str, datasets: Sequence[Dataset]) -> str:
    """What the charts of a report draw.

    Args:
        run: Folder of the run.
        name: Name of the run.
        datasets: Datasets whose unigram entropy is drawn.

    Returns:
        JSON, as `chart_data` makes it.

    Raises:
        Refusal: No step was logged.
    """
    if not (run / FILE).exists():
        raise Refusal(f"{run}: has no {FILE}, so it is no run of `triptych train`. Give the run's folder.")
    lines = read_lines(run)
    if not any("split" not in line for line in lines):
        raise Refusal(f"{run}: no step was logged. Train longer, or set a lower `log_every`.")
    return json.dumps(chart_data(name, lines, dataset_unigram_entropy(datasets)), allow_nan=False)
