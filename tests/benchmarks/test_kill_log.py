"""The log of kills grows from run to run, and its sums name every kill after which something was wrong."""

from pathlib import Path
from typing import Any

from benchmarks.json_log import append, read
from benchmarks.kill_log import SAME, next_number, summary, sums


def line(number: int, **changes: Any) -> dict[str, Any]:
    base = {"number": number, "story": "0-1", "engine": "dask 2", "action": "prepare", "killed": True, "seconds": 1.5}
    return base | {"partitions_redone": 0, "outcome": SAME} | changes


def test_a_run_goes_on_behind_the_last_number(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert (read(log), next_number([])) == ([], 1)
    append(log, [line(1), line(2)])
    append(log, [line(next_number(read(log)))])
    assert [each["number"] for each in read(log)] == [1, 2, 3]


def test_sums() -> None:
    lines = [line(1), line(2, engine="none", action="takedown", outcome="other bytes: a"), line(3, killed=False)]
    lines += [line(4, engine="dask 1", partitions_redone=2, story="0-4")]
    found = sums(lines)
    assert (found["kills"], found["ended_before"], found["stories"]) == (3, 1, 2)
    assert found["by_engine"] == {"dask": 2, "none": 1}
    assert found["by_action"] == {"prepare": 2, "takedown": 1}
    assert (found["mismatches"], found["partitions_redone"]) == ([2], 2)
    assert "after: 2" in summary(found)
    assert "the same bytes each time" in summary(sums(lines[:1]))
