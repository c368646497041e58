"""How a training went, in words: bits on held-out documents beside the unigram baseline, by modality."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

CLEAR = 0.02  # share of the baseline from which on a difference is called one


def last_validation(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last validation on held-out documents, of the moving average of the weights if there is one."""
    validations = [line for line in lines if line.get("split") == "validation" and line.get("nelbo") is not None]
    if not validations:
        return None
    last = max(int(line["step"]) for line in validations)
    of_last = {line.get("weights"): line for line in validations if line["step"] == last}
    return of_last.get("ema") or of_last.get("raw")


def verdict(
    lines: Sequence[Mapping[str, Any]], baseline: Mapping[str, float], control: Mapping[str, Any] | None = None
) -> list[str]:
    """Sentences on the last validation of a run.

    Args:
        lines: The metrics of the run.
        baseline: Bits per token by modality, and by audio codebook (`audio0`, …), of a model that knows how often each
            code occurs and nothing else.
        control: Last validation of the autoregressive control, if there is one.

    Returns:
        A sentence a modality, and one of the audio codebooks if there are several; empty without a validation on
        held-out documents.
    """
    line = last_validation(lines)
    if line is None:
        return []
    beside = {name: beside_control(name, line, control) if control else "" for name in line["nelbo"]}
    sentences = [_sentence(name, bits, baseline.get(name), beside[name]) for name, bits in line["nelbo"].items()]
    books: Mapping[str, float | None] = line.get("nelbo_by_codebook") or {}
    return sentences + ([_codebook_sentence(books, baseline)] if len(books) > 1 else [])


def _codebook_sentence(books: Mapping[str, float | None], baseline: Mapping[str, float]) -> str:
    pairs = [(bits, baseline.get(name)) for name, bits in books.items() if bits is not None]
    said = [f"{bits:.2f}" if base is None else f"{bits:.2f} ({base:.2f})" for bits, base in pairs]
    return f"Held-out audio by codebook, bits per token (unigram baseline): {', '.join(said)}."


def beside_control(name: str, line: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    """Say how a modality's bits in a validation stand to the control's: within two standard errors, or better or worse.

    Args:
        name: The modality.
        line: A validation of the run.
        control: A validation of its control.
    """
    bits, others = line["nelbo"].get(name), control["nelbo"].get(name)
    if bits is None or others is None:
        return ""
    errors = ((each.get("nelbo_error") or {}).get(name) or 0.0 for each in (line, control))
    return f"; {comparison(bits, others, math.hypot(*errors))} the control, {others:.2f}"


def comparison(value: float, other: float, error: float) -> str:
    """Say how a figure, of which less is better, stands to another: alike within two standard errors, or not."""
    if abs(value - other) <= 2 * error:
        return "about as good as"
    return "worse than" if value > other else "better than"


def _sentence(name: str, bits: float | None, baseline: float | None, beside: str) -> str:
    if bits is None:
        return f"Held-out {name}: no finite bits per token; training diverged."
    said = f"Held-out {name}: {bits:.2f} bits per token"
    if baseline is None:
        return f"{said}{beside}."
    return f"{said}, unigram baseline {baseline:.2f}: {beside_baseline(bits, baseline)}{beside}."


def beside_baseline(bits: float, baseline: float) -> str:
    """Say how bits per token stand to those of the unigram baseline."""
    if bits > baseline * (1 + CLEAR):
        return "worse than the unigram baseline, so trained too little"
    if bits > baseline * (1 - CLEAR):
        return "about the unigram baseline, so nothing of the order of tokens is learned yet"
    return f"{1 - bits / baseline:.0%} better than the unigram baseline"
