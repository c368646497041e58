"""The Beam engine beside the serial one: shuffles, resume, and what comes of failures."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
import yaml

from triptych.pipelines.engines.beam import Beam
from triptych.pipelines.engines.beam_results import BeamResults
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit, load
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.pack.shard_marks import MARKS
from triptych.pipelines.sources.row_ids import row_ids
from triptych.schemas.config.run import BeamEngine
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import Store

from ...carried_out import shuffled

INTO = 7
MEMORY = BeamEngine(kind="beam")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "out"))


@pytest.fixture
def beam(store: Store) -> Beam:
    return Beam(store, Journal(), MEMORY)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory, fork_server: None) -> Iterator[Beam]:
    engine = Beam(Store(str(tmp_path_factory.mktemp("beam"))), Journal(), BeamEngine(kind="beam", workers=2))
    yield engine
    engine.close()


def parts(store: Store, sizes: list[int]) -> list[Partition]:
    """Committed parts of rows, most of whose keys and some of whose ids are there more than once."""
    draw, made = np.random.default_rng(0), []
    for index, size in enumerate(sizes):
        ids = row_ids("file", draw.integers(0, 50, size))
        key = pa.array(draw.integers(0, 6, size), pa.uint64())  # of INTO buckets, one is empty
        name = f"{index}.arrow"
        commit(store, name, Outcome(pa.table({"id": ids, "key": key, "x": draw.random(size)}), DROPPED.empty_table()))
        made.append(Partition(str(index), ((name, None),), size))
    return made


def files(store: Store) -> dict[str, tuple[int, int]]:
    stats = {name: os.stat(store.path(name)) for name in store.names("_work")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


@pytest.mark.parametrize("by", ["id", "key"])
def test_a_shuffle_gives_the_parts_of_the_serial_engine(beam: Beam, tmp_path: Path, by: str) -> None:
    serial = Serial(Store(str(tmp_path / "serial")), Journal())
    expected = shuffled(serial, parts(serial.store, [40, 3, 0, 73]), by, INTO)
    found = shuffled(beam, parts(beam.store, [40, 3, 0, 73]), by, INTO)
    assert [(part.key, part.rows) for part in found] == [(part.key, part.rows) for part in expected]
    for mine, theirs in zip(found, expected, strict=True):
        assert load(beam.store, mine) == load(serial.store, theirs)
    assert len(beam.store.names("_work/shuffle")) == len(expected)


def test_a_shuffle_is_finished_where_it_stopped(beam: Beam) -> None:
    given = parts(beam.store, [40, 30])
    whole = shuffled(beam, given, "key", INTO)
    before = [load(beam.store, part) for part in whole]
    names = beam.store.names("_work/shuffle")
    for name in names[::2]:
        beam.store.delete(name)
    kept = files(beam.store)
    assert [load(beam.store, part) for part in shuffled(beam, given, "key", INTO)] == before
    after = files(beam.store)
    assert {name for name in after if "/shuffle/" in name and "/commits/" not in name} == set(names)
    assert {name: after[name] for name in kept} == kept
    assert beam.journal.steps[-1].reused == len(names[1::2])


@pytest.mark.parametrize("first", [Serial, Beam])
def test_a_shuffle_of_another_engine_is_taken_as_it_is(store: Store, beam: Beam, first: type) -> None:
    serial = Serial(store, Journal())
    one, other = (serial, beam) if first is Serial else (beam, serial)
    given = parts(store, [40, 30])
    before = [load(store, part) for part in shuffled(one, given, "key", INTO)]
    there = files(store)
    assert [load(store, part) for part in shuffled(other, given, "key", INTO)] == before
    assert files(store) == there


def test_nothing_is_no_pipeline(beam: Beam) -> None:
    assert beam.collect("count", len, []) == []
    assert shuffled(beam, [], "id", 2) == []
    assert beam.jobs == 0


def test_many_items_come_back_in_their_order(beam: Beam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.pipelines.engines.beam_results.BATCHES", 8)
    assert beam.collect("abs", abs, range(-50, 0)) == [*range(50, 0, -1)]
    assert beam.journal.steps[0].done == 50
    assert beam.store.names("_work") == []


def refuse(item: int) -> int:
    if item == 3:
        raise Refusal("item 3 is out of order", exit_code=1)
    return item


class Stubborn(Exception):
    """An exception that cannot be pickled."""

    def __reduce__(self) -> Any:
        raise TypeError("no")


def stubborn(item: int) -> int:
    raise Stubborn("will not travel")


def die(item: int) -> int:
    if item == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_what_a_task_raises_is_raised_here(beam: Beam) -> None:
    with pytest.raises(Refusal, match="item 3 is out of order") as caught:
        beam.collect("refuse", refuse, range(5))
    assert caught.value.exit_code == 1
    assert "Traceback" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="will not travel"):
        beam.collect("refuse", stubborn, [1])
    assert beam.store.names("_work") == []


def test_worker_processes_refuse_and_go_on_and_a_dead_one_is_told_of(
    processes: Beam, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Refusal, match="item 3 is out of order"):
        processes.collect("refuse", refuse, range(5))
    assert processes.collect("abs", abs, [-1, -2, -3]) == [1, 2, 3]
    assert len({process for step in processes.journal.steps for process in step.peak_bytes}) == 2
    assert capfd.readouterr().err == ""
    with pytest.raises(Refusal, match=r"a worker process died.* smaller partition_bytes") as caught:
        processes.collect("die", die, range(8))
    assert caught.value.exit_code == 1
    assert capfd.readouterr().err == ""


def test_another_job_server_and_its_workers_run_it_just_so(store: Store) -> None:
    options = {"job_endpoint": "embed", "environment_type": "LOOPBACK"}
    engine = Beam(store, Journal(), BeamEngine(kind="beam", runner="PortableRunner", options=options))
    assert engine.collect("abs", abs, [-1, -2, -3]) == [1, 2, 3]
    assert sum(part.rows for part in shuffled(engine, parts(store, [40, 30]), "key", INTO)) == 70
    with pytest.raises(Refusal, match="item 3 is out of order"):
        engine.collect("refuse", refuse, range(5))


class Idle(Beam):
    """A runner that does nothing and says that it is done."""

    def _pipeline(self) -> Any:
        pipeline = super()._pipeline()
        pipeline.run = lambda: self
        return pipeline

    def wait_until_finish(self) -> None:
        """Done."""


def test_a_runner_that_loses_results_is_found_out(store: Store) -> None:
    with pytest.raises(Refusal, match="finished, but the results of 3 tasks are missing"):
        Idle(store, Journal(), MEMORY).collect("abs", abs, [1, 2, 3])


def test_an_answer_that_is_not_whole_or_not_listed_yet_comes_later(store: Store) -> None:
    mailbox = BeamResults(store, "_work/beam/x")
    mailbox.post(["a", "b"])
    mailbox.answer(1, ["B"])
    name = store.path("_work/beam/x/0.done")
    whole = mailbox._sealed(["A"])
    for length in range(len(whole)):
        Path(name).write_bytes(whole[:length])
        assert [*mailbox.results()] == (["B"] if length == 0 else [])
    assert mailbox.lost([0, 1]) == 1
    Path(name).write_bytes(whole)
    assert [*mailbox.rest([0, 1])] == ["A"]
    assert mailbox.lost([0, 1]) == 0


@pytest.mark.parametrize(
    ("runner", "options", "words"),
    [
        ("FlinkRunner", {"flink_version": "1.0"}, "--flink_version: invalid choice: '1.0'"),
        ("SparkRunner", {"sdk_worker_parallelism": 2, "parallelism": "many"}, "--parallelism: invalid int"),
    ],
)
def test_options_that_beam_does_not_take_are_refused(
    store: Store, runner: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refusal) as caught:
        Beam(store, Journal(), BeamEngine(kind="beam", runner=runner, options=options))
    assert f"engine.options: {runner} does not accept them" in str(caught.value)
    assert words in str(caught.value)
    assert caught.value.exit_code == 2
    assert not Path(store.url).exists()


def test_an_option_that_only_the_runner_may_know_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    journal = Journal()
    monkeypatch.setattr(journal, "say", said.append)
    options = {"flink_mastr": "host:8081", "flink_version": "2.2"}
    Beam(store, journal, BeamEngine(kind="beam", runner="FlinkRunner", options=options))
    assert said == ["engine.options: Beam does not know `flink_mastr`; it is passed on to FlinkRunner."]


def test_beam_knows_every_option_in_the_documents() -> None:
    from apache_beam.options.pipeline_options import PipelineOptions

    page = (Path(__file__).parents[3] / "docs" / "how-to" / "clusters.md").read_text()
    blocks = [yaml.safe_load(block)["engine"] for block in re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S)]
    engines = [BeamEngine.model_validate(block) for block in blocks if block["kind"] == "beam"]
    assert {engine.runner for engine in engines} == set(get_args(BeamEngine.model_fields["runner"].annotation))
    for engine in engines:
        options = PipelineOptions.from_dictionary(engine.options)  # type: ignore[no-untyped-call]
        assert options.get_all_options(retain_unknown_options=True) == options.get_all_options()
        assert {name: options.get_all_options()[name] for name in engine.options} == engine.options


@pytest.mark.parametrize(("begun", "ended"), [("serial", "beam"), ("beam", "serial")])
def test_what_one_engine_begins_another_ends(
    text_tree: Callable[..., Any],
    prepared: Callable[..., Any],
    contents: Callable[..., Any],
    tmp_path: Path,
    begun: str,
    ended: str,
) -> None:
    out = tmp_path / "out"
    prepared(text_tree(out, engine={"kind": begun}))
    expected = contents(out)
    for folder in ("text", "shuffle", "pack"):
        for path in sorted((out / "_work" / folder).iterdir())[::2]:
            path.unlink()
    (out / "manifest.json").unlink()
    kept = files(Store(str(out)))
    del kept[MARKS]  # it says when the shards were written
    prepared(text_tree(out, engine={"kind": ended}))
    assert contents(out) == expected
    after = files(Store(str(out)))
    assert {name: after[name] for name in kept} == kept
