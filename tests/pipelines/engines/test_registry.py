"""The engine of the run file is opened on the store and the journal of the run."""

from pathlib import Path

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.registry import open_engine
from triptych.pipelines.engines.serial import Serial
from triptych.schemas.config.run import SerialEngine
from triptych.schemas.storage.store import Store


def test_the_serial_engine_is_given_store_and_journal(tmp_path: Path) -> None:
    store, journal = Store(str(tmp_path)), Journal()
    engine = open_engine(SerialEngine(kind="serial"), store, journal)
    assert isinstance(engine, Serial)
    assert engine.store is store
    assert engine.collect("double", lambda item: 2 * item, [1, 2]) == [2, 4]
    assert [(step.label, step.done) for step in journal.steps] == [("double", 2)]
    engine.close()
