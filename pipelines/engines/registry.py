"""Selects the engine of the run file. Engines are imported only when they are needed, since clusters are heavy."""

from ...schemas.config.run import BeamEngine, SerialEngine
from ...schemas.config.run import Engine as EngineConfig
from ...schemas.storage.store import Store
from .base import Engine
from .journal import Journal


def open_engine(config: EngineConfig, store: Store, journal: Journal) -> Engine:
    """Start the engine that the run file selects."""
    if isinstance(config, SerialEngine):
        from .serial import Serial

        return Serial(store, journal)
    if isinstance(config, BeamEngine):
        from .beam import Beam

        return Beam(store, journal, config)
    from .dask import Dask

    return Dask(store, journal, config)
