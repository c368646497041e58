"""Summary of a mix plan: rows, tokens, epochs and shares of every stream, before any row is read."""

from typing import Any

from .mix import UNITS, rows_per_stream
from .plan import Plan


def summarize_plan(plan: Plan) -> dict[str, Any]:
    """Figures of a plan, JSON-ready.

    Rows are exact, and so are tokens of whole epochs; tokens of a partial epoch are estimated from the mean of its
    rows. `tokens` counts tokens of segments, `places` also padding.
    """
    rows = plan.steps * plan.rows
    counts = rows_per_stream(rows, plan.units).tolist()
    lines = [_line(plan, number, count) for number, count in enumerate(counts)]
    total = sum(line["tokens"] for line in lines)
    for line in lines:
        line["share"] = line["tokens"] / total if total else 0.0
    modalities = sorted({modality for line in lines for modality in line["codes"]})
    return {
        "steps": plan.steps,
        "rows": rows,
        "places": rows * plan.row_length,
        "tokens": total,
        "codes": {name: sum(line["codes"].get(name, 0) for line in lines) for name in modalities},
        "row_length": plan.row_length,
        "rows_a_step": plan.rows,
        "validation": plan.validation,
        "streams": lines,
        "warnings": list(plan.warnings),
        "vocabulary": plan.vocabulary.fingerprint,
        "fingerprint": plan.fingerprint,
    }


def _line(plan: Plan, number: int, rows: int) -> dict[str, Any]:
    stream = plan.streams[number]
    return {
        "path": plan.datasets[stream.dataset].url,
        "group": stream.group,
        "sources": list(stream.sources),
        "wanted": float(plan.wanted[number]),
        "share_of_rows": int(plan.units[number]) / UNITS,
        "held_rows": stream.rows,
        "held_tokens": stream.tokens,
        "rows": rows,
        "tokens": round(stream.tokens * rows / stream.rows),
        "codes": {name: round(count * rows / stream.rows) for name, count in stream.codes.items()},
        "epochs": rows / stream.rows,
    }
