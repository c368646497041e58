"""The scripts in `deploy/slurm` on a real SLURM of two nodes."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.dask_processes import ROOT, wait_for

from .slurm import Slurm, missing

SCRIPTS = ROOT / "deploy" / "slurm"
pytestmark = [
    pytest.mark.skipif(bool(missing()) and "CI" not in os.environ, reason=f"no SLURM: {missing()}"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    started = Slurm()
    yield started
    started.close()


def write_run(folder: Path, tree: Any) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.yaml").write_text(yaml.safe_dump({key: tree[key] for key in tree if key != "engine"}))
    return "run.yaml"


def outputs(folder: Path) -> str:
    return "\n".join(path.read_text() for path in folder.glob("*.out"))


def test_two_runs_in_one_job_each_on_the_same_node(
    slurm: Slurm, text_tree: Any, expected: dict[str, bytes], contents: Any, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    jobs = []
    for folder in folders:
        file = write_run(folder, text_tree(folder / "out"))
        where = ["--ntasks=2", "--nodelist=node1"]
        jobs.append(slurm.submit(folder, where, str(SCRIPTS / "one-job.sh"), file))
    for folder, job in zip(folders, jobs, strict=True):
        assert slurm.end(job) == {"COMPLETED"}, outputs(folder)
        assert contents(folder / "out") == expected
        assert not list(folder.glob("scheduler-*.json"))


def test_a_scheduler_and_an_array_of_workers_of_which_one_is_cancelled(
    slurm: Slurm, text_tree: Any, expected: dict[str, bytes], contents: Any, tmp_path: Path
) -> None:
    out = tmp_path / "run" / "out"
    file = write_run(tmp_path / "run", text_tree(out))
    job = slurm.submit(tmp_path / "run", [], str(SCRIPTS / "scheduler.sh"), file)
    workers = slurm.submit(tmp_path / "run", ["--array=0-1", "--no-requeue"], str(SCRIPTS / "workers.sh"))
    wait_for(lambda: list(out.glob("_work/read/*.arrow")) or slurm.state(job) == {"FAILED"}, 300)
    slurm.run("scancel", f"{workers}_0")
    assert slurm.end(job) == {"COMPLETED"}, outputs(tmp_path / "run")
    assert contents(out) == expected
    slurm.run("scancel", workers)


def test_an_array_of_runs(slurm: Slurm, text_tree: Any, tmp_path: Path) -> None:
    runs = []
    for name in ("a", "b"):
        runs.append(tmp_path / name / write_run(tmp_path / name, text_tree(tmp_path / name / "out") | {"name": name}))
    (tmp_path / "runs.txt").write_text("".join(f"{run}\n" for run in runs))
    job = slurm.submit(tmp_path, ["--array=1-2"], str(SCRIPTS / "array.sh"), "runs.txt")
    assert slurm.end(job) == {"COMPLETED"}, outputs(tmp_path)
    for name in ("a", "b"):
        assert json.loads((tmp_path / name / "out" / "manifest.json").read_text())["name"] == name


def test_training_on_two_nodes(slurm: Slurm, text_tree: Any, prepared: Any, tmp_path: Path) -> None:
    prepared(text_tree(tmp_path / "dataset"))
    tree = {
        "out": "trained",
        "data": {"datasets": [{"path": str(tmp_path / "dataset"), "weight": 1.0}], "batch_tokens": 512},
        "model": {"depth": 1, "width": 64},
        "steps": 2,
        "compute": {"compile": False},
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(tree))
    options = ["--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=0"]
    more = {"PROCESSES_PER_NODE": "1", "TRIPTYCH_HEAD": "127.0.0.1"}
    job = slurm.submit(tmp_path, options, str(SCRIPTS / "train.sh"), "train.yaml", more=more)
    assert slurm.end(job) == {"COMPLETED"}, outputs(tmp_path)
    assert list((tmp_path / "trained").rglob("*.safetensors"))
