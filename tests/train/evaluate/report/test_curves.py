"""A run's curves: the line to pass is the entropy of the codes, and a run of a few steps can be drawn."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from triptych.schemas.dataset.statistics import CodebookUse
from triptych.schemas.errors import Refusal
from triptych.train.evaluate.report.curves import curves, dataset_unigram_entropy


def dataset(**perplexities: float) -> Any:
    """As much of a dataset as is looked at."""
    uses = {name: CodebookUse(size=99, used=9, dead=90, perplexity=value) for name, value in perplexities.items()}
    sources = {"docs": SimpleNamespace(tokens={"text": 300, "audio": 100})}
    return SimpleNamespace(manifest=SimpleNamespace(codebooks=uses, statistics=SimpleNamespace(sources=sources)))


def test_entropy_is_a_mean_over_codebooks_and_datasets() -> None:
    both = [dataset(text=8, audio0=16, audio1=4, image=2), dataset(text=2, audio0=8, audio1=8)]
    assert dataset_unigram_entropy(both) == {"text": 2.0, "audio": 3.0, "audio0": 3.5, "audio1": 2.5}


def test_a_run_becomes_what_the_charts_draw(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"step": step, "tokens": 100 * step, "nelbo": {"text": 9 - math.log(step)}} for step in (2, 4, 6)
    ]
    held = [{"step": 5, "split": "validation", "weights": "ema", "nelbo": {"text": 8.0}, "nelbo_error": {"text": 0.1}}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*lines, *held]))
    drawn = json.loads(curves(tmp_path, "runs/first", [dataset(text=8)]))
    assert drawn["name"] == "runs/first"
    assert drawn["series"]["step"] == [2, 4, 6]
    assert drawn["series"]["bits_text"][0] == pytest.approx(9 - math.log(2))
    assert [(check["weights"], check["step"], check["bits"]) for check in drawn["validations"]] == [
        ("ema", [5], {"text": [8.0]})
    ]
    assert drawn["baseline"] == {"text": 3.0}


def test_a_run_without_steps_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(Refusal, match="no step was logged"):
        curves(tmp_path, "runs/first", [])
