"""The scheduler dies, or has no workers: the run says so, ends in order, and goes on from where it was."""

import re
import time
from pathlib import Path
from typing import Any

from benchmarks.dask_processes import Cluster, message, wait_for

WAITING = "no worker is connected to {} (waiting; start one with `dask worker {} --nthreads 1 "


def test_a_killed_scheduler_ends_the_run_which_resumes(
    cluster: Cluster, text_tree: Any, expected: dict[str, bytes], contents: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = cluster.scheduler()
    cluster.worker()
    run = cluster.prepare(text_tree(out))
    wait_for(lambda: list(out.glob("_work/read/*.arrow")) or not run.running())
    first.kill()
    assert run.end() == 1, run.output
    assert message(run).startswith(f"triptych: engine.scheduler: the Dask scheduler at {cluster.address} ended")
    assert message(run).endswith("then run the same command to resume.")
    assert not (out / "manifest.json").exists()
    kept = {path.name for path in out.glob("_work/read/*.arrow")}
    assert kept

    cluster.scheduler()
    again = cluster.prepare(text_tree(out))
    again.until(WAITING.format(cluster.address, cluster.address))
    cluster.worker()
    assert again.end() == 0, again.output
    assert contents(out) == expected
    assert kept <= {path.name for path in out.glob("_work/read/*.arrow")}


def test_waiting_for_workers_has_an_end(cluster: Cluster, text_tree: Any, tmp_path: Path) -> None:
    cluster.scheduler()
    start = time.monotonic()
    run = cluster.prepare(text_tree(tmp_path / "out"), "--wait", "31")
    assert run.end() == 1, run.output
    assert time.monotonic() - start >= 31
    lines = re.findall("no worker is connected to .* \\(waiting", run.output)
    assert len(lines) == 2  # after 10 s and after 20 s more
    assert f"no worker is connected to {cluster.address}, and `wait` is over (31 s)." in message(run)


def test_the_last_worker_leaves_during_a_run(cluster: Cluster, text_tree: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cluster.scheduler()
    worker = cluster.worker()
    run = cluster.prepare(text_tree(out), "--wait", "15")
    wait_for(lambda: list(out.glob("_work/read/*.arrow")) or not run.running())
    worker.kill()
    assert run.end() == 1, run.output
    assert "(waiting; start one with" in run.output
    assert "`wait` is over (15 s)" in message(run)
