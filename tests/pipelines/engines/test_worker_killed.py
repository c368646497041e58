"""The kernel kills a worker, as it does when memory runs out: the run goes on, or says which way it can."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.engines.dask import RETRIES, Dask
from triptych.pipelines.engines.journal import Journal, Step
from triptych.pipelines.prepare import prepare
from triptych.schemas.config.load import check
from triptych.schemas.config.run import DaskEngine, RunConfig
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import Store

pytestmark = pytest.mark.usefixtures("quick_workers")  # several are killed and started again


class Killing(Journal):
    """A journal that kills the worker whose result came in, after some results of a step."""

    def __init__(self, label: str, after: int) -> None:
        super().__init__()
        self._label, self._after = label, after
        self.killed: list[int] = []

    @contextmanager
    def step(self, label: str, total: int, reused: int) -> Iterator[Step]:
        with super().step(label, total, reused) as step:
            if label == self._label:
                step.watch(lambda: self._kill(step))
            yield step

    def _kill(self, step: Step) -> None:
        if step.done == self._after:
            pid = int(list(step.peak_bytes)[-1].split(":")[1])
            os.kill(pid, signal.SIGKILL)
            self.killed.append(pid)


@pytest.mark.parametrize(("label", "after"), [("read", 1), ("text", 3)])
def test_the_run_ends_with_the_same_bytes(
    text_tree: Callable[..., Any], prepared: Any, contents: Any, tmp_path: Path, label: str, after: int
) -> None:
    journal = Killing(label, after)
    tree = text_tree(tmp_path / "out", engine={"kind": "dask", "workers": 2})
    prepare(check(RunConfig, tree, "test"), journal)
    assert len(journal.killed) == 1
    (step,) = (step for step in journal.steps if step.label == label)
    assert step.done == step.total > after
    prepared(text_tree(tmp_path / "undisturbed"))
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def die_of(item: int) -> int:
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_a_partition_that_kills_every_worker_is_refused(tmp_path: Path) -> None:
    engine = Dask(Store(str(tmp_path)), Journal(), DaskEngine(kind="dask", workers=1))
    try:
        with pytest.raises(Refusal) as caught:
            engine.collect("deadly", die_of, [3])
        assert caught.value.exit_code == 1
        assert str(caught.value).startswith(f"{RETRIES + 1} Dask workers died on one partition, the last at tcp://")
        for advice in ("fewer workers", "smaller partition_bytes", "resume"):
            assert advice in str(caught.value)
        assert engine.collect("harmless", die_of, [1, 2]) == [1, 2]
    finally:
        engine.close()
