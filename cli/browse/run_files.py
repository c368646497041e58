"""The record and the metrics of a run as local files, which a trace of its batches reads."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...schemas.storage.store import Store
from ...train.metrics_file import FILE as METRICS
from ...train.remote.reaching import is_remote, naming, reaching
from ...train.run_record import RUN
from .items import Item


@contextmanager
def run_files(item: Item) -> Iterator[Path]:
    """The folder of a run, or a copy of these two files as they are now if the run lies at a URL.

    Raises:
        Refusal: The store cannot be reached.
    """
    if not is_remote(item.path):
        yield Path(item.path.removeprefix("file://")).expanduser()
        return
    store = Store(item.path)
    with tempfile.TemporaryDirectory(prefix="triptych-") as name, naming(item.where, Path(name)):
        with reaching(item.where):
            for file in (RUN, METRICS):
                if store.exists(file):
                    (Path(name) / file).write_bytes(store.read(file))
        yield Path(name)
