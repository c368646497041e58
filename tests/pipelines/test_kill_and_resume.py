"""A run that is killed loses nothing: real processes, real SIGKILL, resumed by another engine or run file."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
KILLS = 3


def test_killed_runs_end_as_undisturbed_ones_and_redo_nothing_committed(
    text_tree: Callable[..., Any], tmp_path: Path
) -> None:
    run_file = tmp_path / "run.yaml"
    tree = text_tree("set by the benchmark", filters=[{"name": "text_length", "min_chars": 60}])
    tree |= {"dedup": {"text": {"exact": True, "near": {"threshold": 0.8}}}}
    run_file.write_text(yaml.safe_dump(tree))
    command = [sys.executable, "-m", "benchmarks.kills", str(run_file), "--kills", str(KILLS), "--most-workers", "1"]
    command += ["--seed", "5", "--log", str(tmp_path / "log.jsonl")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert all(line["outcome"] == "same bytes" and line["partitions_redone"] == 0 for line in lines)
    # kills that hit nothing, or all in one step, would have tested nothing
    assert sum(line["killed"] for line in lines) == KILLS
    assert len({line["step"] for line in lines}) >= 2
    assert all(line["engine"] != line["resumed_by"] for line in lines)
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
