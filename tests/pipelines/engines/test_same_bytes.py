"""The same dataset, byte for byte, whoever does the work and in whatever order it is done."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.engines.base import Engine, MeasuredTask, TaskResult
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.serial import Serial
from triptych.schemas.config.run import DaskEngine
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import Store


@pytest.fixture(scope="session")
def small(tree: Callable[..., Any]) -> Callable[..., Any]:
    """A run of all three corpora in dozens of partitions and several shards."""
    return lambda out, **changes: tree(out, partition_bytes=2048, pack={"shard_bytes": 40_000}, **changes)


@pytest.fixture(scope="session")
def serially(small: Any, prepared: Any, contents: Any, once: Any) -> dict[str, bytes]:
    out = once("serially", lambda folder: prepared(small(folder / "out"))) / "out"
    files: dict[str, bytes] = contents(out)
    assert sum(name.startswith("shards/") for name in files) >= 6
    assert len(list((out / "_work/image").iterdir())) >= 3
    return files


def test_dask_makes_what_serial_makes_with_any_number_of_workers(
    small: Any, prepared: Any, contents: Any, tmp_path: Path, serially: dict[str, bytes], quick_workers: None
) -> None:
    for workers in (1, 2, 4):
        out = tmp_path / str(workers)
        prepared(small(out, engine={"kind": "dask", "workers": workers}))
        assert contents(out) == serially, workers
        report = json.loads((out / "run.json").read_text())
        assert report["workers"] == workers


@pytest.mark.parametrize("workers", [None, 2])
def test_beam_makes_what_serial_makes_in_memory_and_in_processes(
    small: Any,
    prepared: Any,
    contents: Any,
    tmp_path: Path,
    serially: dict[str, bytes],
    workers: int | None,
    fork_server: None,
) -> None:
    prepared(small(tmp_path, engine={"kind": "beam", "workers": workers}))
    assert contents(tmp_path) == serially
    report = json.loads((tmp_path / "run.json").read_text())
    assert report["workers"] == (workers or 1)
    assert not list(tmp_path.rglob("_work/beam/*"))


class Backwards(Serial):
    """An engine that works from the last item to the first."""

    def each(self, task: Any, todo: Any) -> Iterator[TaskResult[Any]]:
        while todo:
            ready = list(todo.take(len(todo)))
            for index, item in reversed(ready):
                yield MeasuredTask(task)(index, item)


def test_the_order_of_completion_does_not_show(
    small: Any,
    prepared: Any,
    contents: Any,
    tmp_path: Path,
    serially: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def backwards(config: Any, store: Store, journal: Journal) -> Engine:
        return Backwards(store, journal)

    monkeypatch.setattr("triptych.pipelines.prepare.open_engine", backwards)
    prepared(small(tmp_path / "out"))
    assert contents(tmp_path / "out") == serially


def test_what_a_worker_refuses_is_refused_here(tmp_path: Path) -> None:
    from triptych.pipelines.engines.dask import Dask

    engine = Dask(Store(str(tmp_path)), Journal(), DaskEngine(kind="dask", workers=1))
    try:
        assert engine.collect("count", len, [[1], [1, 2], []]) == [1, 2, 0]
        with pytest.raises(Refusal, match="out of order") as caught:
            engine.collect("refuse", refuse, [1])
        assert caught.value.exit_code == 1
    finally:
        engine.close()


def refuse(item: int) -> None:
    raise Refusal(f"item {item} is out of order", exit_code=1)


def test_a_scheduler_that_does_not_answer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    from triptych.pipelines.engines.dask import Dask

    client: Any = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, timeout: client(address, timeout="1s"))
    with pytest.raises(Refusal, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1 ") as caught:
        Dask(Store(str(tmp_path)), Journal(), DaskEngine(kind="dask", scheduler="tcp://127.0.0.1:1"))
    assert "dask scheduler" in str(caught.value)
