"""Figure of a fit: loss over tokens with the law for each size, and the curve of each budget over sizes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...schemas.errors import Refusal
from .estimates import BudgetFit, Fit
from .fit_law import Law

FORMATS = (".png", ".svg")


def plot(fit: Fit, loss: str, path: Path) -> None:
    """Draw the figure.

    Args:
        fit: Results of both fits.
        loss: Name of the loss, for the axis.
        path: File to write.

    Raises:
        Refusal: Without matplotlib, and for a file type that is not one of FORMATS.
    """
    if path.suffix not in FORMATS:
        raise Refusal(f"{path}: a figure must be a {' or '.join(FORMATS)} file. Change the file's name.")
    try:
        import matplotlib
    except ImportError:
        raise Refusal(
            "a figure needs matplotlib, which is not installed: `pip install matplotlib`, or omit `--plot`."
        ) from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    _law(left, fit)
    _budgets(right, fit.budgets, fit.curves)
    left.set_ylabel(loss, fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)


def _law(axes: Any, fit: Fit) -> None:
    sizes = sorted({point.parameters for point in fit.points})
    tokens = np.array([point.tokens for point in fit.points], np.float64)
    over = np.geomspace(tokens.min(), tokens.max(), 100)
    for number, size in enumerate(sizes):
        colour = f"C{number}"
        mine = [point for point in fit.points if point.parameters == size]
        axes.plot(over, fit.law.loss(size, over), color=colour, linewidth=1)
        axes.plot([it.tokens for it in mine], [it.loss for it in mine], "o", color=colour, label=f"{size:,} parameters")
    axes.axhline(fit.law.E, color="grey", linewidth=1, linestyle=":", label=f"E = {fit.law.E:.3f}")
    axes.set(xscale="log", xlabel="tokens", title="L(N, D) = E + A / N^a + B / D^b")
    axes.legend(fontsize="small")


def _budgets(axes: Any, found: Sequence[BudgetFit], law: Law | None) -> None:
    for number, budget in enumerate(found):
        colour, runs = f"C{number}", budget.runs
        over = np.geomspace(runs.parameters.min(), runs.parameters.max(), 100)
        if law is not None:
            axes.plot(over, law.loss(over, runs.tokens_at(over)), color=colour, linewidth=1)
        axes.plot(runs.parameters, runs.loss, "o", color=colour, label=f"{runs.cost:.2g} operations")
        if budget.minimum:
            axes.plot(budget.minimum.parameters, budget.minimum.loss, "x", color=colour, markersize=10)
    axes.set(xscale="log", xlabel="parameters outside of embeddings", title="Runs of equal cost")
    if found:
        axes.legend(fontsize="small")
    else:
        axes.text(0.5, 0.5, "no budget with four sizes", ha="center", transform=axes.transAxes)
