"""What a run has really read of each stream of its mix so far, beside the shares that were asked for.

Exact, since the order of rows is a function of the plan: nothing is logged for it. A change of the mix, and rows that a
rollback left out, are steps of another plan (`RunRecord.stretches`).
"""

from typing import Any

from ..data.mix import rows_per_stream
from ..data.plan import Plan
from .traced_run import TracedRun


def realised_mix(run: TracedRun) -> list[dict[str, Any]]:
    """Rows and tokens of each stream in the steps that are done.

    Tokens follow from the mean of a stream's rows, and are exact for whole epochs.

    Args:
        run: The run.

    Returns:
        A line for each stream, in the order of the first plan that has it: `path`, `group`, `sources`; `wanted`, its
        share of the tokens in the last plan (None if it is not in it); `rows`, `tokens`, `share` of the tokens, and
        `epochs`.

    Raises:
        Refusal: A dataset of the run cannot be read, or the run's record does not tell of its plans.
    """
    lines: dict[str, dict[str, Any]] = {}
    for stretch in run.stretches():
        plan, stop = stretch.plan, min(stretch.stop, run.done)
        counts = rows_per_stream(max(0, stop - stretch.first) * plan.rows, plan.units).tolist()
        for line in lines.values():
            line["wanted"] = None
        for number, (stream, rows) in enumerate(zip(plan.streams, counts, strict=True)):
            line = lines.setdefault(stream.key, _line(plan, number))
            line["wanted"] = float(plan.wanted[number])
            line["rows"] += rows
            line["tokens"] += stream.tokens * rows / stream.rows
            line["epochs"] += rows / stream.rows
    total = sum(line["tokens"] for line in lines.values())
    return [
        line | {"tokens": round(line["tokens"]), "share": line["tokens"] / total if total else 0.0}
        for line in lines.values()
    ]


def _line(plan: Plan, number: int) -> dict[str, Any]:
    stream = plan.streams[number]
    return {
        "path": plan.datasets[stream.dataset].where,
        "group": stream.group,
        "sources": list(stream.sources),
        "wanted": None,
        "rows": 0,
        "tokens": 0.0,
        "epochs": 0.0,
    }
