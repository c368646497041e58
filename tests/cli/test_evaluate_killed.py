"""`triptych evaluate --out` as a process: killed, run again, and with a benchmark file that has a bad line."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.train.evaluate.kept_groups import FILE

from ..processes import Forked
from ..two_runs import train_both

CODE = """
from triptych.cli.main import main
from triptych.model.sampling.defaults import DEFAULTS
for task, config in DEFAULTS.items():
    DEFAULTS[task] = config.model_copy(update={"steps": 2})
main()
"""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
GOOD = json.dumps({"text": "ka lo mi ren ta shi"}) + "\n"


@pytest.fixture(scope="module")
def run(made: Path, once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    return once("killed-evaluation", lambda folder: train_both(made, folder, validation=0.4)) / "masked"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Two benchmarks; the second line of one of them is cut off."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "wikitext2_test.txt").write_text("ka lo mi ren ta shi " * 10)
    (folder / "lambada_test.jsonl").write_text(GOOD + GOOD[:9])
    return folder


def evaluate(run: Path, suite: Path, out: Path) -> Forked:
    return Forked(CODE, ["evaluate", str(run), "--n", "2", "--suite", str(suite), "--out", str(out)], ENVIRONMENT)


def report(out: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((out / "report.json").read_text())
    del tree["command"]  # names the folder
    return tree


def kept(out: Path) -> list[dict[str, Any]]:
    """The groups that are on disk."""
    file = out / FILE
    lines = file.read_text().split("\n")[1:-1] if file.exists() else []
    return [json.loads(line) for line in lines]


def test_a_killed_evaluation_goes_on_and_a_bad_line_costs_its_benchmark_alone(
    run: Path, suite: Path, tmp_path: Path
) -> None:
    undisturbed, out = tmp_path / "undisturbed", tmp_path / "out"
    code, output = evaluate(run, suite, undisturbed).end(timeout=300)
    assert code == 1, output
    assert "1 of the groups failed" in " ".join(output.split())
    (lack,) = [one for one in report(undisturbed)["missing"] if one["fault"]]
    assert (lack["group"], "lambada_test.jsonl, line 2: cannot be used" in lack["why"]) == ("benchmarks", True)
    groups = {row["group"] for row in report(undisturbed)["rows"]}
    assert groups >= {"held out", "benchmarks", "images", "speech"}  # the rest, with the other benchmark, is measured

    process = evaluate(run, suite, out)
    while process.running() and not kept(out):
        time.sleep(0.005)
    process.send(signal.SIGKILL)
    code, output = process.end(timeout=60)
    assert code == -signal.SIGKILL, output
    before = kept(out)
    assert before
    assert len(before) < len(kept(undisturbed))
    code, output = evaluate(run, suite, out).end(timeout=300)
    assert code == 1, output
    assert kept(out)[: len(before)] == before
    assert kept(out) == kept(undisturbed)
    assert report(out) == report(undisturbed)

    # with the file mended, its benchmark is measured and nothing else: a figure that was planted stays
    planted = (out / FILE).read_text().split("\n")
    at = next(number for number, line in enumerate(planted) if '"group": "held out"' in line)
    tree = json.loads(planted[at])
    next(one for one in tree["results"] if one["kind"] == "metric")["value"] = 123.0
    planted[at] = json.dumps(tree)
    (out / FILE).write_text("\n".join(planted))
    (suite / "lambada_test.jsonl").write_text(GOOD * 3)
    code, output = evaluate(run, suite, out).end(timeout=300)
    assert code == 0, output
    assert next(row["value"] for row in report(out)["rows"] if row["group"] == "held out") == 123.0
    assert not [one for one in report(out)["missing"] if one["fault"]]
    assert len([row for row in report(out)["rows"] if row["group"] == "benchmarks"]) > len(
        [row for row in report(undisturbed)["rows"] if row["group"] == "benchmarks"]
    )
    assert not (out / FILE).exists()
