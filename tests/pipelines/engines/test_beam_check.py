"""The workers of a Beam cluster answer before any work, as those of Dask do."""

from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.engines import environment
from triptych.pipelines.engines.beam import Beam
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.worker_check import Reply, answer, asked, forget, require_fit
from triptych.pipelines.workers_fit import check_workers
from triptych.schemas.config.run import BeamEngine
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import Store


@pytest.mark.parametrize(
    ("runner", "options", "here"),
    [
        ("FnApiRunner", {}, True),
        ("PortableRunner", {"job_endpoint": "embed", "environment_type": "LOOPBACK"}, True),
        (
            "PortableRunner",
            {"job_endpoint": "localhost:1", "environment_type": "EXTERNAL", "environment_config": "localhost:2"},
            False,
        ),
        ("FlinkRunner", {"flink_master": "host:8081"}, False),
    ],
)
def test_only_workers_on_other_machines_are_asked(
    tmp_path: Path, runner: Any, options: dict[str, Any], here: bool
) -> None:
    engine = Beam(Store(str(tmp_path)), Journal(), BeamEngine(kind="beam", runner=runner, options=options))
    assert engine.on_this_machine == here


def test_a_first_pipeline_brings_the_answers(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    engine = Beam(store, Journal(), BeamEngine(kind="beam"))
    question = asked(store, [])
    (reply,) = engine.ask(question)
    assert reply.answer == answer(question) | {"free": reply.answer["free"] if reply.answer else 0}
    assert require_fit([reply], question) == []
    engine.on_this_machine = False
    check_workers(engine, [])
    forget(store, question)
    assert store.names("_work/workers") == []
    assert engine.jobs == 2


def replies(store: Store, **changes: Any) -> tuple[list[Reply], Any]:
    question = asked(store, [])
    found: Any = answer(question) | changes
    return [Reply("tcp://10.0.0.7:4000", "node7", found)], question


def test_the_first_difference_names_host_library_and_both_versions(tmp_path: Path) -> None:
    ours = dict(environment.versions())
    given, question = replies(Store(str(tmp_path)), versions=ours | {"torch": "9.9"})
    with pytest.raises(Refusal) as caught:
        require_fit(given * 3, question)
    message = str(caught.value)
    assert message.startswith(
        f"engine: the worker on node7 (tcp://10.0.0.7:4000) has torch 9.9 instead of {ours['torch']}"
    )
    assert "Install the same versions" in message
    assert "2 more workers have a problem" in message


def test_a_worker_that_cannot_import_the_check_is_refused(tmp_path: Path) -> None:
    _, question = replies(Store(str(tmp_path)))
    reply = Reply("tcp://10.0.0.7:4000", "node7", None, "ModuleNotFoundError: No module named 'triptych'")
    with pytest.raises(Refusal, match=r"node7 .* cannot run Triptych's tasks .*No module named 'triptych'"):
        require_fit([reply], question)


def test_an_out_without_the_token_or_the_right_to_write_is_refused(tmp_path: Path) -> None:
    question = asked(Store(str(tmp_path)), [])
    Store(str(tmp_path)).delete(f"_work/workers/{question['token']}")
    found = answer(question)
    assert "cannot be read" in found["out"]
    assert not list(tmp_path.rglob("*-*"))  # nothing is written to a folder of another disk
    with pytest.raises(Refusal, match="does not share `out`"):
        require_fit([Reply("", "node7", found)], question)


def test_little_space_and_memory_are_named_and_no_reason_to_end(tmp_path: Path) -> None:
    given, question = replies(Store(str(tmp_path)), free=5_000_000, memory=1 << 30)
    space, memory = require_fit(given, question)
    assert "node7 (tcp://10.0.0.7:4000) has only 5 MB of temporary space in " in space
    assert "may use only 1.1 GB of memory" in memory
