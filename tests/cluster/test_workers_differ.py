"""Workers with other libraries, without the inputs, with an `out` of their own, or with a full temporary disk."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.dask_processes import ROOT, Cluster, message, wait_for
from triptych.pipelines.engines.journal import Journal
from triptych.schemas.config.run import DaskEngine
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import Store

NAMESPACES = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0
mounts = pytest.mark.skipif(not NAMESPACES, reason="`unshare --mount` is not allowed here")


def other_numpy(folder: Path) -> dict[str, str]:
    """The environment of a worker on which numpy has another version."""
    info = folder / "other" / "numpy-9.9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 9.9.9\n")
    return {"PYTHONPATH": f"{info.parent}:{ROOT}"}


def own_disk(folder: Path, size: str = "64m") -> list[str]:
    """Prefix of a command that sees a small disk of its own at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    script = f'mount -t tmpfs -o size={size} tmpfs "{folder}" && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def test_other_versions_are_refused_before_any_work(cluster: Cluster, text_tree: Any, tmp_path: Path) -> None:
    cluster.scheduler()
    cluster.worker()
    cluster.worker(other_numpy(tmp_path))
    run = cluster.prepare(text_tree(tmp_path / "out"))
    assert run.end() == 2, run.output
    assert "has numpy 9.9.9 instead of " in message(run)
    assert "Install the same versions on all machines" in message(run)
    assert not list((tmp_path / "out").rglob("*.arrow"))


def test_a_worker_with_other_versions_that_joins_later_is_sent_away(
    cluster: Cluster, text_tree: Any, expected: dict[str, bytes], contents: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cluster.scheduler()
    cluster.worker()
    run = cluster.prepare(text_tree(out, partition_bytes=1024))
    wait_for(lambda: list(out.glob("_work/read/*.arrow")) or not run.running())
    late = cluster.worker(other_numpy(tmp_path))
    assert run.end() == 0, run.output
    assert "has numpy 9.9.9 instead of" in run.output
    assert "its tasks go to 1 other workers" in run.output
    wait_for(lambda: not late.running())
    assert "manifest.json" in contents(out)
    assert expected.keys() >= {"manifest.json"}


@mounts
def test_inputs_that_a_worker_does_not_see(
    cluster: Cluster, text_tree: Any, home: Path, tmp_path: Path, makers: Any
) -> None:
    corpus = tmp_path / "corpus" / "docs.jsonl"
    makers.write_docs(corpus, [makers.words(i, 30) for i in range(20)])
    tree = text_tree(tmp_path / "out")
    tree["sources"][0]["path"] = str(corpus)
    cluster.scheduler()
    cluster.worker(prefix=own_disk(corpus.parent))
    run = cluster.prepare(tree)
    assert run.end() == 2, run.output
    assert f"does not see the input {corpus}" in message(run)
    assert "vanished" not in run.output


@mounts
def test_an_out_of_the_worker_alone(cluster: Cluster, text_tree: Any, tmp_path: Path) -> None:
    cluster.scheduler()
    cluster.worker(prefix=own_disk(tmp_path / "out"))
    run = cluster.prepare(text_tree(tmp_path / "out"))
    assert run.end() == 2, run.output
    assert f"does not share `out` ({tmp_path / 'out'})" in message(run)


def fill_temporary(item: int) -> int:
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(b"x" * (4 << 20))
        file.flush()
    return item


@mounts
def test_a_full_temporary_disk_sends_the_task_to_another_worker(cluster: Cluster, tmp_path: Path) -> None:
    from triptych.pipelines.engines.dask import Dask

    lines: list[str] = []
    journal = Journal()
    journal.say = lines.append  # type: ignore[method-assign,assignment]
    small = tmp_path / "small"
    cluster.scheduler()
    bad = cluster.worker({"TMPDIR": str(small)}, own_disk(small, "1m"))
    engine = Dask(Store(str(tmp_path / "out")), journal, DaskEngine(kind="dask", scheduler=cluster.address))
    try:
        with pytest.raises(Refusal, match=rf"the worker on \S+ \(tcp://\S+\): the file system at {small} is full"):
            engine.collect("filling", fill_temporary, list(range(8)))
        cluster.worker()
        assert engine.collect("filling", fill_temporary, list(range(8))) == list(range(8))
        assert any(f"the file system at {small} is full" in line and "1 other workers" in line for line in lines)
        wait_for(lambda: not bad.running())
    finally:
        engine.close()
