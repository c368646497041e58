"""The control of a run: named, or beside it, and compared only where the comparison is fair."""

import json
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.config.training import TrainConfig
from triptych.train.control import control_of
from triptych.train.data.plan import plan_of
from triptych.train.run import how_it_went, write_run_record
from triptych.train.run_record import RunRecord

from .small_runs import tree


def run_at(dataset: Path, out: Path, bits: float | None, kind: str = "masked", **more: Any) -> TrainConfig:
    """The record of a run and its last validation."""
    config = TrainConfig.model_validate(tree(dataset, out, objective={"kind": kind}, **more))
    write_run_record(config, plan_of(config), 1, out)
    line = {"step": 12, "split": "validation", "weights": "raw", "nelbo": {"text": bits}, "nelbo_error": {"text": 0.01}}
    (out / "metrics.jsonl").write_text(json.dumps(line) + "\n" if bits else "")
    return config


def test_a_control_beside_the_run_is_found_and_named(dataset: Path, tmp_path: Path) -> None:
    config = run_at(dataset, tmp_path / "first", 4.0)
    assert control_of(config.out, RunRecord.read(tmp_path / "first")) is None
    assert not any("control" in line for line in how_it_went(config, plan_of(config)))
    run_at(dataset, tmp_path / "control", 5.0, "autoregressive")
    said = how_it_went(config, plan_of(config))
    assert said[0].endswith("; better than the control, 5.00.")
    assert said[-1] == f"The control is {tmp_path}/control."
    run_at(dataset, tmp_path / "first-control", 3.0, "autoregressive")
    assert how_it_went(config, plan_of(config))[0].endswith("; worse than the control, 3.00.")


def test_a_run_beside_that_is_no_control_is_none(dataset: Path, tmp_path: Path) -> None:
    config = run_at(dataset, tmp_path / "first", 4.0)
    run_at(dataset, tmp_path / "control", 5.0)
    assert control_of(config.out, RunRecord.read(tmp_path / "first")) is None


@pytest.mark.parametrize(
    ("kind", "bits", "validation", "said"),
    [
        ("masked", 5.0, 0.1, "is not autoregressive"),
        ("autoregressive", None, 0.1, "has not been validated yet"),
        ("autoregressive", 5.0, 0.2, "was trained on other datasets, or has other documents held out"),
        (None, None, 0.1, "is no run of `triptych train`"),
    ],
)
def test_a_named_control_that_cannot_be_compared_says_why(
    dataset: Path, tmp_path: Path, kind: str | None, bits: float | None, validation: float, said: str
) -> None:
    config = run_at(dataset, tmp_path / "first", 4.0, control=str(tmp_path / "other"))
    if kind:
        data = tree(dataset, tmp_path)["data"] | {"validation": validation}
        run_at(dataset, tmp_path / "other", bits, kind, data=data)
    lines = how_it_went(config, plan_of(config))
    assert lines[-1] == f"Not compared with the control: {tmp_path}/other {said}."
    assert "control" not in lines[0]
