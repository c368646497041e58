"""deploy/dask/start.sh starts a cluster on which a run gives the bytes of the serial engine, and ends it."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

from benchmarks.dask_processes import ROOT, Cluster, wait_for

HOSTS = ("alpha", "beta")
# in the place of ssh: the command of a host runs here
SSH = """#!/bin/sh
[ $# -eq 2 ] || exit 9
exec sh -c "$2"
"""


def test_a_cluster_that_the_script_starts(
    cluster: Cluster, text_tree: Any, expected: dict[str, bytes], contents: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    ssh = folder / "ssh"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    (folder / "hosts.txt").write_text("\n\n".join(HOSTS) + "\n")
    script = cluster.start(
        [str(ROOT / "deploy" / "dask" / "start.sh"), "hosts.txt", "1"],
        {"TRIPTYCH_VENV": sys.prefix, "TRIPTYCH_SSH": "./ssh"},
        cwd=folder,
    )
    script.until("Workers start on the hosts of hosts.txt")
    logs = [folder / f"worker-{host}.log" for host in HOSTS]
    wait_for(lambda: all("Starting established connection" in log.read_text() for log in logs) or not script.running())
    cluster.address = str(folder / "scheduler.json")
    run = cluster.prepare(text_tree(tmp_path / "out"))
    assert run.end() == 0, run.output
    assert contents(tmp_path / "out") == expected
    assert json.loads((tmp_path / "out" / "run.json").read_text())["workers"] == len(HOSTS)
    script.send(signal.SIGINT)
    script.end()
    assert not (folder / "scheduler.json").exists()
