"""Local copies of runs at URLs, for those who read them; they last as long as the process."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from ...model.network.export import CONFIG
from ...schemas.storage.full_disk import refusing_full_disk
from ...schemas.storage.inside import require_inside
from ...schemas.storage.store import Store
from ..metrics_file import FILE as METRICS
from ..run_record import RUN
from .checkpoint_store import FOLDER as CHECKPOINTS
from .checkpoint_store import CheckpointStore
from .reaching import is_remote, naming, reaching
from .remote_run import MODEL


@contextmanager
def as_local(run: str | Path, step: int | None = None) -> Iterator[Path]:
    """The folder of a run with its model, downloaded once per process if the run lies at a URL.

    Args:
        run: Folder or URL of the run, of its folder `model`, or of an export.
        step: Step of the checkpoint to download as well.

    Yields:
        The local folder, which a Refusal of the block names by its URL.

    Raises:
        Refusal: The store cannot be reached.
    """
    if not is_remote(str(run)):
        yield _on_disk(run)
        return
    url = _run_of(str(run).rstrip("/"))
    local = _run(url)
    with naming(url, local):
        if step is not None:
            CheckpointStore(Store(url), local / CHECKPOINTS).fetch(step)
        yield local


def _run_of(url: str) -> str:
    """The URL of a run, given that or the URL of its folder `model`."""
    parent, _, last = url.rpartition("/")
    with reaching(url):
        alone = Store(url).exists(CONFIG) and not Store(url).exists(RUN)  # with the record it is an export
        return parent if last == MODEL and alone else url


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
        if store.exists(CONFIG):
            return _downloaded(store, store.names(""))
        model = [name for name in store.names(MODEL) if name != f"{MODEL}/{CONFIG}"]
        records = [name for name in (RUN, METRICS, f"{MODEL}/{CONFIG}") if store.exists(name)]
    folder = _downloaded(store, [*model, *records])
    with reaching(url):
        CheckpointStore(store, folder / CHECKPOINTS).fetch_states(folder / CHECKPOINTS)
    return folder


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
