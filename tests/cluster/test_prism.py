"""Prism, Beam's runner in Go: the bytes of the serial engine, also when a worker pool is killed in between.

Needs Go, and its module proxy for the first build; `TRIPTYCH_PRISM` names a program that is built already.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.dask_processes import ROOT, TRIPTYCH, Cluster, Command, message, wait_for

DEDUP = {"text": {"near": {"threshold": 0.8}}}
WAIT = 180.0  # seconds in which a run notices that its pool is gone
POOL = "apache_beam.runners.worker.worker_pool_main"


@pytest.fixture(scope="session")
def prism(once: Callable[[str, Callable[[Path], None]], Path]) -> str:
    """The program, in the version of the Beam that is installed."""
    if given := os.environ.get("TRIPTYCH_PRISM"):
        return given
    if shutil.which("go") is None:
        pytest.skip("needs `go` to build Prism")

    def build(folder: Path) -> None:
        line = [str(ROOT / "deploy" / "prism.sh"), str(folder)]
        built = subprocess.run(
            line, env=os.environ | {"PYTHON": sys.executable}, capture_output=True, text=True, check=False
        )
        (folder / "said").write_text(built.stdout + built.stderr)

    folder = once("prism", build)
    programs = [path for path in folder.glob("prism-*") if os.access(path, os.X_OK)]
    if not programs:
        pytest.skip(f"Prism cannot be built here: {(folder / 'said').read_text()[-500:]}")
    return str(programs[0])


@pytest.fixture
def run(text_tree: Callable[..., Any], tmp_path: Path, makers: Any) -> Callable[[str], dict[str, Any]]:
    """A run of texts, of which some are copies, into a folder of this name."""
    folder = tmp_path / "copies"
    folder.mkdir()
    for file in range(4):
        texts = [makers.words(number, 80) + f" {file}" * (number % 3) for number in range(file, file + 8)]
        makers.write_docs(folder / f"{file}.jsonl.gz", texts)
    docs = {"name": "docs", "kind": "jsonl", "path": f"{folder}/*.jsonl.gz", "modality": "text", "text": "text"}
    return lambda name: text_tree(tmp_path / name, sources=[docs], dedup=DEDUP)


@pytest.fixture
def serially(run: Callable[[str], dict[str, Any]], prepared: Any, contents: Any, tmp_path: Path) -> dict[str, bytes]:
    prepared(run("serial"))
    found: dict[str, bytes] = contents(tmp_path / "serial")
    return found


def prepare(cluster: Cluster, run: dict[str, Any], prism: str, name: str, **options: str) -> Command:
    engine = {"kind": "beam", "runner": "PrismRunner", "options": {"prism_location": prism, **options}}
    file = cluster.folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(run | {"engine": engine}))
    return cluster.start([*TRIPTYCH, "prepare", str(file)])


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def pool(cluster: Cluster, port: int) -> Command:
    """Start a worker pool, which starts `python` for each job."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    started = cluster.start([sys.executable, "-m", POOL, f"--service_port={port}"], {"PATH": path})

    def listening() -> bool:
        with socket.socket() as one:
            return one.connect_ex(("localhost", port)) == 0

    wait_for(lambda: listening() or not started.running())
    return started


def test_workers_in_the_process_of_the_driver(
    cluster: Cluster,
    run: Callable[[str], dict[str, Any]],
    prism: str,
    serially: dict[str, bytes],
    contents: Any,
    tmp_path: Path,
) -> None:
    done = prepare(cluster, run("out"), prism, "run")
    assert done.end() == 0, done.output
    assert contents(tmp_path / "out") == serially
    assert done.output.count("Beam job ") == 6


def test_a_worker_pool_that_is_killed_loses_nothing(
    cluster: Cluster,
    run: Callable[[str], dict[str, Any]],
    prism: str,
    serially: dict[str, bytes],
    contents: Any,
    tmp_path: Path,
) -> None:
    out, port = tmp_path / "out", free_port()
    options = {"environment_type": "EXTERNAL", "environment_config": f"localhost:{port}"}
    first = pool(cluster, port)
    killed = prepare(cluster, run("out"), prism, "killed", **options)
    wait_for(lambda: list(out.glob("_work/sign-*/*.arrow")) or not killed.running())
    assert killed.running(), killed.output
    first.send(signal.SIGKILL)
    deadline = time.monotonic() + WAIT
    while killed.running() and time.monotonic() < deadline:
        time.sleep(0.2)
    killed.send(signal.SIGKILL)  # where Prism waits for the worker
    killed.end()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("_work/sign-*/*.arrow")}
    pool(cluster, port)
    resumed = prepare(cluster, run("out"), prism, "resumed", **options)
    assert resumed.end() == 0, resumed.output
    assert contents(out) == serially
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_program_that_is_not_prism_is_refused(
    cluster: Cluster, run: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    there = tmp_path / "no-prism"
    for written in (False, True):
        if written:
            there.write_text("#!/bin/sh\necho 'not me' >&2\nexit 3\n")
            there.chmod(0o755)
        refused = prepare(cluster, run("out"), str(there), f"refused-{written}")
        assert refused.end() == 2
        assert ("did not start (not me)" if written else "there is no file") in message(refused)
