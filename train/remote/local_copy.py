"""Local copies of runs at URLs, for those who read them; they last as long as the process."""

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ...model.network.export import CONFIG
from ...schemas.storage.full_disk import refusing_full_disk
from ...schemas.storage.inside import require_inside
from ...schemas.storage.store import Store
from ..metrics import FILE as METRICS
from ..run_record import RUN
from .reaching import is_remote, reaching
from .remote_run import MODEL


def local_run(run: str | Path) -> Path:
    """The folder of a run with its model, downloaded once per process if the run lies at a URL.

    Raises:
        Refusal: The store cannot be reached.
    """
    return _run(str(run)) if is_remote(str(run)) else _on_disk(run)


def local_logs(runs: str | Path) -> Path:
    """The folder below which runs lie; of runs at a URL, their records and metrics are downloaded.

    Raises:
        Refusal: The store cannot be reached.
    """
    return _logs(str(runs)) if is_remote(str(runs)) else _on_disk(runs)


def _on_disk(run: str | Path) -> Path:
    return Path(str(run).removeprefix("file://")).expanduser() if isinstance(run, str) else run


@lru_cache(maxsize=16)
def _run(url: str) -> Path:
    store = Store(url.rstrip("/"))
    with reaching(url):
        model = [name for name in store.names(MODEL) if name != f"{MODEL}/{CONFIG}"]
        records = [name for name in (RUN, METRICS, f"{MODEL}/{CONFIG}") if store.exists(name)]
    return _downloaded(store, [*model, *records])


@lru_cache(maxsize=16)
def _logs(url: str) -> Path:
    store = Store(url.rstrip("/"))
    with reaching(url):
        names = store.names("")
    runs = {name.removesuffix(RUN) for name in names if name.rpartition("/")[2] == RUN}
    wanted = {run + file for run in runs for file in (RUN, METRICS)}
    return _downloaded(store, [name for name in names if name in wanted])


def _downloaded(store: Store, names: Sequence[str]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="triptych-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with reaching(store.url), refusing_full_disk(folder):
        for name in names:
            require_inside(str(folder), name)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            store.fs.get_file(store.path(name), str(folder / name))
    return folder
