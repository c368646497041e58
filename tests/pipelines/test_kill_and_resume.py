"""A run that is killed loses nothing: real processes, real SIGKILL, resumed by another engine."""

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
    run_file.write_text(yaml.safe_dump(text_tree("set by the benchmark", partition_bytes=2048)))
    command = [sys.executable, "-m", "benchmarks.kills", str(run_file), "--kills", str(KILLS), "--most-workers", "2"]
    command += ["--seed", "5", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    lines = json.loads(done.stdout)["kills"]
    assert [line["identical"] for line in lines] == [True] * KILLS
    assert [line["partitions_redone"] for line in lines] == [0] * KILLS
    assert done.returncode == 0
    # kills that hit nothing, or all at one moment, would have tested nothing
    assert sum(line["killed"] for line in lines) >= KILLS - 1
    assert len({line["partitions_there"] for line in lines}) >= KILLS - 1
    assert all(line["engine"] != line["resumed_by"] for line in lines)
