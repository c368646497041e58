"""Which class runs which `engine` of the run file. Each is imported when it is asked for: clusters are heavy."""

from ...schemas.config.run import BeamEngine, RunConfig, SerialEngine
from ...schemas.storage.store import Store
from .base import Engine
from .journal import Journal


def open_engine(config: RunConfig, store: Store, journal: Journal) -> Engine:
    """The engine that the run file names, started."""
    if isinstance(config.engine, SerialEngine):
        from .serial import Serial

        return Serial(store, journal)
    if isinstance(config.engine, BeamEngine):
        from .beam import Beam

        return Beam(store, journal, config.engine)
    from .dask import Dask

    return Dask(store, journal, config.engine)
