"""Learning curves: bits per token of each modality over tokens, with the unigram entropy as a baseline.

The unigram entropy of a modality is the loss of a model that knows how often each code occurs and nothing else. A model
has learned something about context only if its curve falls below that line.
"""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....schemas.dataset.reader import Dataset
from ....schemas.errors import Refusal
from ...curves import unigram_bits
from ...metrics_file import read_lines

MODALITY_NAMES = ("text", "image", "audio")


def dataset_unigram_entropy(datasets: Sequence[Dataset]) -> dict[str, float]:
    """Unigram entropy of each modality in bits per token, from the code statistics in manifests.

    The mean over the codebooks of a modality, and over datasets by number of tokens.
    """
    return unigram_bits([dataset.manifest for dataset in datasets])


def curves(run: Path, datasets: Sequence[Dataset]) -> bytes:
    """Plot the metrics of a run.

    Args:
        run: Folder of the run.
        datasets: Datasets whose unigram entropy is drawn.

    Returns:
        A PNG file.

    Raises:
        Refusal: Without matplotlib, and if no step was logged.
    """
    try:
        import matplotlib
    except ImportError:
        raise Refusal("the curves need matplotlib: pip install 'triptych[train]'.") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    file = run / "metrics.jsonl"
    if not file.exists():
        raise Refusal(f"{run}: has no metrics.jsonl, so it is no run of `triptych train`. Give the run's folder.")
    lines = [line for line in read_lines(run) if isinstance(line.get("nelbo"), dict)]
    trained = [line for line in lines if "split" not in line and line.get("tokens") is not None]
    if not trained:
        raise Refusal(f"{run}: no step was logged. Train longer, or set a lower `log_every`.")
    steps, tokens = np.array([(line["step"], line["tokens"]) for line in trained]).T
    held = [line | {"tokens": np.interp(line["step"], steps, tokens)} for line in lines if "split" in line]
    bounds = dataset_unigram_entropy(datasets)
    modalities = [modality for modality in MODALITY_NAMES if any(modality in line["nelbo"] for line in trained)]
    figure, row = pyplot.subplots(
        1, len(modalities), figsize=(4.2 * len(modalities), 3.4), layout="constrained", squeeze=False
    )
    for axes, modality in zip(row[0], modalities, strict=True):
        mine = [line for line in trained if modality in line["nelbo"]]
        axes.plot(
            [it["tokens"] for it in mine],
            [_number(it["nelbo"][modality]) for it in mine],
            color="C0",
            alpha=0.35,
            label="steps",
        )
        for number, weights in enumerate(("raw", "ema"), start=1):
            _validation(axes, [it for it in held if it.get("weights") == weights], modality, weights, f"C{number}")
        if modality in bounds:
            axes.axhline(bounds[modality], color="grey", linestyle=":", label=f"unigram entropy {bounds[modality]:.2f}")
        axes.set(title=modality, xlabel="tokens", ylabel="NELBO, bits per token")
        axes.legend(fontsize="small")
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=110)
    pyplot.close(figure)
    return sink.getvalue()


def _validation(axes: Any, lines: Sequence[dict[str, Any]], modality: str, weights: str, colour: str) -> None:
    """Plot validation points with error bars of two standard errors."""
    mine = [line for line in lines if modality in line["nelbo"]]
    if mine:
        at = [line["tokens"] for line in mine]
        error = [2 * abs((line.get("nelbo_error") or {}).get(modality) or 0) for line in mine]
        bits = [_number(line["nelbo"][modality]) for line in mine]
        axes.errorbar(at, bits, error, color=colour, marker="o", markersize=3, label=f"held out, {weights} weights")


def _number(value: float | None) -> float:
    """A logged value; null, of a step whose loss was not finite, leaves a gap in the curve."""
    return math.nan if value is None else value
