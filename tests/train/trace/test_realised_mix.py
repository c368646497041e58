"""The mix that a run has read, counted from its plans, is that of the batches that its loader gives."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triptych.schemas.config.load import check
from triptych.schemas.config.training import TrainConfig
from triptych.train.data.plan import plan_of
from triptych.train.data.row_order import RowOrder
from triptych.train.run import write_run_record
from triptych.train.run_record import RunRecord
from triptych.train.trace.realised_mix import realised_mix
from triptych.train.trace.traced_run import TracedRun

STEPS = 37


def config_of(made: Path, out: Path, weights: dict[str, float]) -> TrainConfig:
    tree: dict[str, Any] = {
        "out": str(out),
        "data": {
            "datasets": [{"path": str(made), "modality": kind, "weight": weight} for kind, weight in weights.items()],
            "batch_tokens": 2048,
            "validation": 0.1,
        },
        "model": {"depth": 1, "width": 64},
        "steps": 60,
    }
    return check(TrainConfig, tree, "test")


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A run whose mix was changed at step 20, and of which 37 of 60 steps are done."""
    out = tmp_path / "run"
    plan = plan_of(first := config_of(made, out, {"text": 0.5, "image-text": 0.5}))
    write_run_record(first, plan, 1, out)
    record = RunRecord.read(out).with_stretch({})
    order = RowOrder(plan)
    before = {s.key: int(n) for s, n in zip(plan.streams, order.read_before(20 * plan.rows), strict=True)}
    second = config_of(made, out, {"text": 0.2, "audio-text": 0.8})
    other = plan_of(second)
    changed = record.model_copy(update={"config": second.model_dump(mode="json"), "plan": other.fingerprint})
    changed.with_stretch({"first_step": 20, "before": before}).write(out)
    lines = "".join(f'{{"step": {step}, "tokens": 1}}\n' for step in range(1, STEPS + 1))
    (out / "metrics.jsonl").write_text(lines)
    return out


def test_it_is_what_the_order_of_rows_gives(run: Path, made: Path) -> None:
    traced = TracedRun(run)
    counted: Counter[str] = Counter()
    for stretch in traced.stretches():
        stop = min(stretch.stop, STEPS)
        at = stretch.order.locate(np.arange((stop - stretch.first) * stretch.plan.rows))
        numbers = np.searchsorted(stretch.plan.first_rows, at.number, side="right") - 1
        for number, count in zip(*np.unique(numbers, return_counts=True), strict=True):
            counted[stretch.plan.streams[number].group] += int(count)
    lines = {line["group"]: line for line in realised_mix(traced)}
    assert {group: line["rows"] for group, line in lines.items()} == counted
    assert sum(line["share"] for line in lines.values()) == pytest.approx(1)
    assert lines["image-text"]["wanted"] is None  # it is not in the mix any more
    assert lines["audio-text"]["wanted"] == pytest.approx(0.8)
    assert lines["text"]["path"] == str(made)
