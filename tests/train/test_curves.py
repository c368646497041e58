"""Curves of a run: read from its files, thinned, beside the unigram baseline."""

import json
from pathlib import Path

import pytest

from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.storage.store import Store
from triptych.train.curves import RunCurves, figures, trained_manifests, training_series, unigram_bits, validations

TRAINED = Path(__file__).parents[1] / "golden" / "e4f0899" / "trained"


def test_series_have_a_value_a_step() -> None:
    curves = RunCurves(Store(str(TRAINED)))
    series = training_series(curves.lines)
    assert series["step"] == sorted(set(series["step"]))
    assert {len(values) for values in series.values()} == {len(series["step"])}
    assert {"bits_text", "grad_norm", "lr", "tokens_per_second"} <= series.keys()
    assert "mfu" not in series
    assert curves.steps == 20
    assert curves.record is not None


def test_validations_are_grouped_by_set_and_weights() -> None:
    checks = validations(RunCurves(Store(str(TRAINED))).lines)
    assert {(check.split, check.weights) for check in checks} >= {("validation", "raw")}
    for check in checks:
        assert all(len(values) == len(check.step) for values in check.bits.values())
        assert set(check.by_ratio) <= {"text", "image", "audio"}


def test_long_runs_are_thinned() -> None:
    lines = [{"step": step, "loss": 1.0, "nelbo": {"text": 1.0}} for step in range(10_000)]
    assert len(training_series(lines, points=100)["step"]) == 100


def test_a_run_is_read_again_when_it_grows(tmp_path: Path) -> None:
    curves = RunCurves(Store(str(tmp_path)))
    assert (curves.lines, curves.age, curves.steps) == ([], None, None)
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1}\n{"step": 2')
    assert [line["step"] for line in curves.lines] == [1]
    file.write_text('{"step": 1}\n{"step": 2}\n')
    assert [line["step"] for line in curves.lines] == [1, 2]
    assert curves.age is not None


def test_the_baseline_is_the_entropy_of_the_codes(made: Path) -> None:
    from math import log2

    manifest = Dataset(str(made)).manifest
    bits = unigram_bits([manifest])
    assert bits["image"] == pytest.approx(log2(manifest.codebooks["image"].perplexity))
    levels = [log2(manifest.codebooks[f"audio{level}"].perplexity) for level in range(4)]
    assert bits["audio"] == pytest.approx(sum(levels) / 4)
    assert [bits[f"audio{level}"] for level in range(4)] == pytest.approx(levels)
    assert unigram_bits([manifest, manifest]) == pytest.approx(bits)


def test_a_run_says_whether_it_learned() -> None:
    series = training_series([{"step": 1, "nelbo": {"text": 9.0, "image": 5.0, "audio": 3.0}}])
    rows = figures(series, [], {"text": 8.0, "image": 6.25})
    assert [row["verdict"] for row in rows] == [
        "worse than the unigram baseline, so trained too little",
        "20% better than the unigram baseline",
        "the datasets of the run cannot be read here, so there is no baseline",
    ]


def test_datasets_that_are_open_are_not_read_again(made: Path) -> None:
    record = RunCurves(Store(str(TRAINED))).record
    assert record is not None
    manifest = Dataset(str(made)).manifest
    assert trained_manifests(record, {}) == []
    local = {record.trained_on[0].fingerprint: manifest}
    assert trained_manifests(record, local) == [manifest]
    assert json.dumps(figures({"step": []}, [], {})) == "[]"
