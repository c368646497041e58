"""A worker that hangs: its tasks go to another one, and it may come back."""

import signal
import time
from pathlib import Path
from typing import Any

from benchmarks.dask_processes import Cluster, wait_for

SHORT = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "6s"}  # instead of 5 minutes


def test_a_run_goes_on_without_it(
    cluster: Cluster, text_tree: Any, expected: dict[str, bytes], contents: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cluster.scheduler(SHORT)
    frozen = cluster.worker()
    cluster.worker()
    run = cluster.prepare(text_tree(out))
    wait_for(lambda: list(out.glob("_work/read/*.arrow")) or not run.running())
    frozen.send(signal.SIGSTOP)
    assert run.end() == 0, run.output
    assert contents(out) == expected
    frozen.send(signal.SIGCONT)
    time.sleep(2)  # what it then does, such as ending its last task, changes nothing
    assert contents(out) == expected


def test_it_comes_back_during_the_run(
    cluster: Cluster, text_tree: Any, expected: dict[str, bytes], contents: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cluster.scheduler(SHORT)
    frozen = cluster.worker(nanny=True)
    run = cluster.prepare(text_tree(out))
    wait_for(lambda: list(out.glob("_work/read/*.arrow")) or not run.running())
    frozen.send(signal.SIGSTOP)
    time.sleep(15)
    assert run.running()
    frozen.send(signal.SIGCONT)
    assert run.end() == 0, run.output
    assert contents(out) == expected
