"""A run's curves: the line to pass is the entropy of the codes, and a run of a few steps can be drawn."""

import io
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

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


def test_a_run_becomes_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    lines = [{"step": step, "tokens": 100 * step, "nelbo": {"text": 9 - math.log(step)}} for step in (2, 4, 6)]
    held = [{"step": 5, "split": "validation", "weights": "ema", "nelbo": {"text": 8.0}, "nelbo_error": {"text": 0.1}}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*lines, *held]))
    picture = Image.open(io.BytesIO(curves(tmp_path, [dataset(text=8)])))
    assert picture.format == "PNG"
    assert len(picture.getcolors(1 << 20) or []) > 100


def test_a_run_without_steps_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(Refusal, match="no step was logged"):
        curves(tmp_path, [])
