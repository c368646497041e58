"""Selects the engine of the run file. Engines are imported only when they are needed, since clusters are heavy."""

from ...schemas.config.run import BeamEngine, RunConfig, SerialEngine
from ...schemas.storage.store import Store
from .base import Engine
from .journal import Journal


def open_engine(config: RunConfig, store: Store, journal: Journal) -> Engine:
    """Start the engine that the run file selects."""
    if isinstance(config.engine, SerialEngine):
        from .serial import Serial

        return Serial(store, journal)
    if isinstance(config.engine, BeamEngine):
        from .beam import Beam

        return Beam(store, journal, config.engine)
    from .dask import Dask

    return Dask(store, journal, config.engine)
