"""Damaged artefacts are refused, or hold what they held."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fuzzing.openings import FAMILIES

ROOT = Path(__file__).parents[2]
INPUTS = 100


@pytest.mark.timeout(900)
def test_damaged_artefacts_of_every_family() -> None:
    command = [sys.executable, "-m", "benchmarks.fuzz", "--inputs", str(INPUTS), "--seed", "0", "--json"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    found = {each["family"]: each for each in json.loads(done.stdout)["families"]}
    assert found.keys() == FAMILIES.keys()
    assert {name: each["failures"] for name, each in found.items() if each["failures"]} == {}
    assert all(sum(each["ends"].values()) == INPUTS for each in found.values())
