"""The documents, tasks and noise levels of the global batch of a step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...model.diffusion.noise_levels import RowPlacement
from ...schemas.vocabulary import Kind
from ..data.mix import Ints
from ..data.row_order import Addresses
from ..data.split import is_held_out
from .draws import drawn
from .traced_run import TracedRun, TracedStretch

HEX = ("id", "content", "media")
KINDS = [str(kind) for kind in Kind]
SHOWN = ("source", "file", "row", "license", "start", "length", "offset", "last")


def trace_step(run: TracedRun, step: int) -> dict[str, Any]:
    """Describe the global batch of a step, JSON-ready.

    Args:
        run: The run.
        step: The step, counted from 1 as in `metrics.jsonl`.

    Raises:
        Refusal: The run has no such step, or its data cannot be read.
    """
    stretch = run.stretch_of(step)
    index = np.arange(stretch.plan.rows)
    at = stretch.order.locate((step - 1 - stretch.first) * stretch.plan.rows + index)
    rows = trace_rows(run, stretch, step, index, at)
    return {
        "run": str(run.folder),
        "step": step,
        "steps": run.config.steps,
        "done": step <= run.done,
        "row_length": stretch.plan.row_length,
        "plan": stretch.plan.fingerprint,
        "rows": rows,
    }


def trace_rows(run: TracedRun, stretch: TracedStretch, step: int, index: Ints, at: Addresses) -> list[dict[str, Any]]:
    """Describe rows of a global batch.

    Args:
        run: The run.
        stretch: Its stretch with the step.
        step: The step.
        index: Index of each row in the global batch.
        at: Address of each row.
    """
    places = [stretch.shards.in_manifest(shard) for shard in at.shard.tolist()]
    segments = _segments(stretch, places, at.row)
    share = stretch.plan.validation
    hidden = iter(held_out_segments([one for row in segments for one in row], share).tolist())
    lines = [[_segment(number, one, next(hidden)) for number, one in enumerate(row, 1)] for row in segments]
    trained = [
        [one for one, line in zip(*row, strict=True) if not line["held_out"]]
        for row in zip(segments, lines, strict=True)
    ]
    placement = RowPlacement(step - 1, torch.from_numpy(index), stretch.plan.rows)
    draws = iter(drawn(run.config, at.epoch, at.number, trained, placement))
    rows = []
    for b, (dataset, shard) in enumerate(places):
        data = stretch.plan.datasets[dataset]
        entry = data.manifest.shards[shard]
        rows.append(
            {
                "batch_row": int(index[b]),
                "epoch": int(at.epoch[b]),
                "dataset": data.where,
                "group": entry.group,
                "shard": entry.file,
                "shard_row": int(at.row[b]),
                "packed_row": data.first_row(shard) + int(at.row[b]),
                "segments": [line if line["held_out"] else line | next(draws) for line in lines[b]],
            }
        )
    return rows


def held_out_segments(segments: Sequence[dict[str, Any]], share: float) -> npt.NDArray[np.bool_]:
    """Whether the document of each segment is held out at a share."""
    keys = b"".join(one.get("media") or one.get("content") or one["id"] for one in segments)
    return is_held_out(np.frombuffer(keys, "<u8").reshape(-1, 2), share)


def origin(segment: dict[str, Any]) -> dict[str, Any]:
    """The origin and the place of a segment of the table, JSON-ready."""
    found = {name: segment[name].hex() for name in HEX if segment.get(name) is not None}
    return found | {"kind": KINDS[segment["kind"]]} | {name: segment[name] for name in SHOWN}


def _segment(number: int, segment: dict[str, Any], hidden: bool) -> dict[str, Any]:
    return {"segment": number, **origin(segment), "held_out": hidden}


def _segments(stretch: TracedStretch, places: list[tuple[int, int]], rows: Ints) -> list[list[dict[str, Any]]]:
    """Segments of each row, read shard by shard."""
    found: list[list[dict[str, Any]]] = [[] for _ in places]
    for dataset, shard in dict.fromkeys(places):
        mine = [b for b, place in enumerate(places) if place == (dataset, shard)]
        for b, row in zip(mine, stretch.tables[dataset].rows(shard, rows[mine]), strict=True):
            found[b] = row
    return found
