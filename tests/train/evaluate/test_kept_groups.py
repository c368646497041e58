"""Results on disk: they come back as they were, of the same evaluation alone, and never of a group that failed."""

import math
from pathlib import Path

from triptych.train.evaluate.kept_groups import FILE, EvaluationResult, KeptGroups
from triptych.train.evaluate.report.exhibits import Exhibit
from triptych.train.evaluate.report.metric import Metric
from triptych.train.evaluate.report.not_measured import NotMeasured

RESULTS: list[EvaluationResult] = [
    Metric("images", "PSNR", math.inf, None, 4, "dB", "higher", 1.5, "note"),
    Metric("benchmarks", "ARC", 0.25, 0.1, 12, "accuracy", "higher", interval=(0.1, 0.5)),
    NotMeasured("text", "MAUVE", "why"),
    Exhibit("images", "a \u2028 prompt", b"\x89PNG\0", None),
    Exhibit("text", "", "made", "real"),
]


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    kept = KeptGroups(tmp_path / "out", {"seed": 0})
    kept.add("run", "images", RESULTS)
    again = KeptGroups(tmp_path / "out", {"seed": 0})
    assert again.get("run", "images") == RESULTS
    assert again.get("run", "text") is None
    assert again.get("control", "images") is None
    assert KeptGroups(tmp_path / "out", {"seed": 1}).get("run", "images") is None


def test_a_line_that_was_being_written_is_dropped(tmp_path: Path) -> None:
    kept = KeptGroups(tmp_path, {})
    kept.add("run", "images", RESULTS)
    with (tmp_path / FILE).open("a") as sink:
        sink.write('{"run": "run", "group": "te')
    again = KeptGroups(tmp_path, {})
    again.add("run", "text", RESULTS[2:3])
    third = KeptGroups(tmp_path, {})
    assert (third.get("run", "images"), third.get("run", "text")) == (RESULTS, RESULTS[2:3])
    third.remove()
    assert not (tmp_path / FILE).exists()


def test_a_group_that_failed_is_measured_again(tmp_path: Path) -> None:
    kept = KeptGroups(tmp_path, {})
    kept.add("run", "images", [*RESULTS, NotMeasured("images", "all other figures", "failed", fault=True)])
    assert KeptGroups(tmp_path, {}).get("run", "images") is None


def test_a_group_whose_own_file_changed_is_measured_again_alone(tmp_path: Path) -> None:
    kept = KeptGroups(tmp_path, {})
    kept.add("run", "images", RESULTS)
    kept.add("run", "benchmarks, ARC", RESULTS[1:2], "f1")
    again = KeptGroups(tmp_path, {})
    assert again.get("run", "benchmarks, ARC", "f1") == RESULTS[1:2]
    assert again.get("run", "benchmarks, ARC", "f2") is None
    assert again.get("run", "images") == RESULTS


def test_a_damaged_line_costs_its_group_alone(tmp_path: Path) -> None:
    kept = KeptGroups(tmp_path, {})
    for group in ("images", "speech", "text", "training"):
        kept.add("run", group, RESULTS)
    head, *lines = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
    lines[0] = lines[0].replace(b'"group"', b'"gruop"')
    lines[1] = lines[1].replace(b'"speech"', b'"spe\xffch"', 1)
    lines[2] = lines[2][:50] + b"\n"
    (tmp_path / FILE).write_bytes(b"".join([head, *lines]))
    again = KeptGroups(tmp_path, {})
    assert [again.get("run", group) for group in ("images", "speech", "text")] == [None] * 3
    assert again.get("run", "training") == RESULTS
