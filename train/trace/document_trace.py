"""The steps of a run that used a document."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ...schemas.dataset.locate import Located
from ...schemas.dataset.segment_tables import SegmentTables
from .batch_trace import held_out_segments, origin, trace_rows
from .traced_run import TracedRun, TracedStretch

Search = Callable[[SegmentTables], Iterable[Located]]


def trace_document(run: TracedRun, search: Search) -> list[dict[str, Any]]:
    """Describe where documents are and which steps used them, JSON-ready.

    Args:
        run: The run.
        search: Finds the segments in a dataset.

    Returns:
        A line for each segment found: its origin and place; `held_out`, whether it never was trained on because it is
        held out; `in_mix`, whether the mix has its group; `uses`, the steps done that trained on it; `to_come`, the
        number of uses in later steps.
    """
    lines: dict[tuple[str, int, int, int], dict[str, Any]] = {}
    for stretch in run.stretches():
        for at, tables in enumerate(stretch.tables):
            for found in search(tables):
                manifest = tables.dataset.manifest
                key = (manifest.fingerprint, found.shard, found.row, found.number)
                line = lines.setdefault(key, _line(tables, found))
                _add(run, stretch, at, found, line)
    return list(lines.values())


def _line(tables: SegmentTables, found: Located) -> dict[str, Any]:
    shards = tables.dataset.manifest.shards
    return {
        "dataset": tables.dataset.where,
        "shard": shards[found.shard].file,
        "shard_row": found.row,
        "packed_row": tables.dataset.first_row(found.shard) + found.row,
        "segment": found.number,
        **origin(found.segment),
        "held_out": True,
        "in_mix": False,
        "uses": [],
        "to_come": 0,
    }


def _add(run: TracedRun, stretch: TracedStretch, dataset: int, found: Located, line: dict[str, Any]) -> None:
    """Add the uses of a segment in a stretch to its line."""
    plan = stretch.plan
    kept = not held_out_segments([found.segment], plan.validation)[0]
    line["held_out"] &= bool(not kept)
    for number, stream in enumerate(plan.streams):
        place = stretch.shards.in_stream(number, found.shard) if stream.dataset == dataset else None
        if place is None:
            continue
        line["in_mix"] = True
        if not kept:
            continue
        before = int(stream.shards.ends[place] - stream.shards.rows[place])
        row = int(plan.first_rows[number]) + before + found.row
        positions, epochs = stretch.order.positions(row, (stretch.stop - stretch.first) * plan.rows)
        steps = stretch.first + positions // plan.rows + 1
        line["to_come"] += int((steps > run.done).sum())
        for at in np.flatnonzero(steps <= run.done).tolist():
            line["uses"].append(_use(run, stretch, int(steps[at]), int(positions[at]), int(epochs[at]), found))


def _use(
    run: TracedRun, stretch: TracedStretch, step: int, position: int, epoch: int, found: Located
) -> dict[str, Any]:
    at = stretch.order.locate(np.array([position]))
    index = np.array([position % stretch.plan.rows])
    (row,) = trace_rows(run, stretch, step, index, at)
    segment = row["segments"][found.number - 1]
    drawn = {name: segment[name] for name in ("task", "condition_dropped", "level", "mask_rate") if name in segment}
    return {"step": step, "batch_row": int(index[0]), "epoch": epoch, **drawn}
