"""A file of metrics may be someone else's: lines that no training writes are left out, and no viewer fails on them."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.errors import Refusal
from triptych.schemas.identity import parse_json
from triptych.train.curves import figures, training_series, validations
from triptych.train.metrics_file import FILE, parse_lines, read_lines
from triptych.train.plain_log import duration, step_line, validation_line
from triptych.train.run_state import seconds_left
from triptych.train.scaling.collect import Loss, RunLog
from triptych.train.verdict import verdict

STEP = {"step": 3, "loss": 1.5, "nelbo": {"text": 2.0, "image": None}, "tokens": 10, "tokens_per_second": 5.0}
HELD = {"step": 3, "split": "validation", "weights": "ema", "nelbo": {"text": 2.0}, "ce_by_ratio": {"text": {"0.1": 1}}}
HOSTILE: list[dict[str, Any]] = [
    {"step": "3"},
    {"step": None},
    {"step": True},
    {"step": -1},
    {"step": 10**30},
    {"step": 1.5},
    {"loss": "\x1b[2J"},
    {"loss": math.nan},
    {"loss": math.inf},
    {"loss": [1]},
    {"tokens": 10**400},
    {"tokens_per_second": {"a": 1}},
    {"lr": True},
    {"nelbo": [1, 2]},
    {"nelbo": {"text": "2"}},
    {"nelbo": {"text": {"text": 1}}},
    {"nelbo_error": 1},
    {"nelbo_by_codebook": {"audio0": "x"}},
    {"split": ["validation"]},
    {"split": "v" * 101},
    {"weights": 1, "split": "validation"},
    {"ce_by_ratio": {"text": {"half": 1.0}}},
    {"ce_by_ratio": {"text": {"nan": 1.0}}},
    {"ce_by_ratio": {"text": [1]}},
    {"ce_by_ratio": "text"},
    {"targets": {"text": "1"}},
]


def test_lines_of_a_training_are_taken() -> None:
    data = "".join(f"{json.dumps(line)}\n" for line in (STEP, HELD, STEP | {"step": 4, "more": ["of a later version"]}))
    assert parse_lines(data.encode()) == [STEP, HELD, STEP | {"step": 4, "more": ["of a later version"]}]


@pytest.mark.parametrize("change", HOSTILE, ids=lambda change: str(change)[:40])
def test_a_line_that_no_training_writes_is_left_out(change: dict[str, Any]) -> None:
    lines = f"{json.dumps(STEP)}\n{json.dumps(STEP | change)}\n{json.dumps(HELD | change)}\n"
    assert parse_lines(lines.encode()) == [STEP]


@pytest.mark.parametrize("line", ["[" * 200_000, '{"step": ' * 100_000, '{"step": ' + "9" * 10_000 + "}", "\xff\x00"])
def test_a_line_that_ends_the_parser_is_left_out(line: str) -> None:
    assert parse_lines(f"{line}\n{json.dumps(STEP)}\n".encode("latin-1")) == [STEP]
    with pytest.raises(ValueError, match="."):  # noqa: RUF043
        parse_json(line)


@pytest.mark.parametrize("line", [{"step": 1}, {"step": 2, "split": "x"}, {"step": 2, "split": "validation"}, STEP])
def test_lines_with_few_figures_can_be_shown(line: dict[str, Any]) -> None:
    lines = [line, line | {"step": 9, "tokens": 1e308, "tokens_per_second": 1e-308}]
    series, checks = training_series(lines), validations(lines)
    figures(series, checks, {"text": 1.0})
    verdict(lines, {})
    assert seconds_left(lines, 100) is None
    for each in lines:
        assert validation_line(each) if "split" in each else step_line(each, 1, 2, math.inf)


def test_a_duration_has_an_end() -> None:
    assert duration(math.inf).endswith("h")
    assert duration(-1.0) == "0 s"


def test_a_run_without_the_figures_of_a_point_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps(HELD) + "\n" + json.dumps(STEP) + "\n")
    log = RunLog("a", None, tuple(read_lines(tmp_path)))  # type: ignore[arg-type]  # only its lines are read
    with pytest.raises(Refusal, match="its metrics lack figures"):
        log.point(Loss())
