"""Generated inputs of every reader end in rows or reasons, as many as a plain reader counts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READERS = ["jsonl", "tar", "parquet", "table", "files", "json"]


@pytest.mark.parametrize("reader", READERS)
def test_500_inputs_of_a_reader(reader: str) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.readers",
        "--inputs",
        "500",
        "--seed",
        "1",
        "--reader",
        reader,
        "--json",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    (found,) = json.loads(done.stdout)["readers"]
    assert found["failures"] == []
    assert sum(found["ends"].values()) == 500
    assert found["ends"].keys() <= {"rows", "drops", "rest", "refusal"}
