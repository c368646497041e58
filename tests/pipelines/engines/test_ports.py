"""What an engine opens on this machine listens on 127.0.0.1 alone."""

from pathlib import Path
from typing import Any

import psutil
import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.registry import open_engine
from triptych.pipelines.engines.todo import Todo
from triptych.schemas.config.run import BeamEngine, DaskEngine
from triptych.schemas.storage.store import Store


def listening() -> set[str]:
    """Addresses of the sockets on which this process and its children listen."""
    here = psutil.Process()
    addresses = set()
    for process in (here, *here.children(recursive=True)):
        addresses |= {each.laddr.ip for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN}
    return addresses


class Watched:
    """A task that looks at the sockets while it runs, in any process."""

    def __call__(self, item: int) -> list[str]:
        return sorted(
            each.laddr.ip for each in psutil.Process().net_connections("inet") if each.status == psutil.CONN_LISTEN
        )


@pytest.mark.parametrize(
    "config", [DaskEngine(kind="dask", workers=1), BeamEngine(kind="beam", workers=2)], ids=["dask", "beam"]
)
def test_nothing_listens_beyond_this_machine(config: Any, quick_workers: None, tmp_path: Path) -> None:
    before = listening()
    engine = open_engine(config, Store(str(tmp_path / "out")), Journal())
    try:
        found = set()
        for done in engine.each(Watched(), Todo([1, 2, 3])):
            found |= {*done.result, *listening()}
    finally:
        engine.close()
    beyond = {address for address in found - before if not address.removeprefix("::ffff:").startswith("127.")}
    assert beyond <= {"::1"}
