"""A training run at a URL, such as `s3://bucket/runs/first`.

The processes work in a local folder below `data.cache`, the staging folder, which stands for the run. At the start it
gets the run's log, the `state.json` of every checkpoint and the checkpoint to resume from; the log, new checkpoints and
the model are uploaded. What is in the staging folder and not at the URL is of no account.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Self

from ...model.network.export import CONFIG, WEIGHTS
from ...schemas.config.training import TrainConfig
from ...schemas.errors import Refusal
from ...schemas.identity import fingerprint
from ...schemas.storage.full_disk import refusing_full_disk
from ...schemas.storage.lock import only_run
from ...schemas.storage.store import Store
from ..checkpoint.retention import folder_name
from ..distributed.process_group import ProcessGroup
from ..generate.sample_files import sample_files
from ..metrics_file import FILE as METRICS
from ..run_record import RUN
from ..trackers import IDS
from .checkpoint_store import FOLDER, CheckpointStore
from .reaching import is_remote, naming, reaching

MODEL = "model"


class RemoteRun:
    """The run at a URL, and its staging folder; one object in every process."""

    def __init__(self, url: str, cache: str) -> None:
        """Create the run's view.

        Args:
            url: fsspec URL of the run.
            cache: Local folder below which the staging folder lies.
        """
        self.store = Store(url.rstrip("/"))
        self.folder = Path(cache).expanduser().absolute() / "runs" / fingerprint(self.store.url)
        self.checkpoints = CheckpointStore(self.store, self.folder / FOLDER)
        self.lost = False  # whether another run took over
        self._require: Callable[[], None] = lambda: None
        self._sent: dict[str, tuple[int, int]] = {}  # files of the log that were uploaded -> size and time

    @classmethod
    def of(cls, config: TrainConfig) -> Self | None:
        """The run of a train file; None if it lies on a disk."""
        return cls(config.out, config.data.cache) if is_remote(config.out) else None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the URL, so that no other training writes there; on one process."""
        with ExitStack() as stack:
            with naming(self.store.url, self.folder), reaching(self.store.url):
                self._require = stack.enter_context(only_run(self.store))
            yield

    def require_held(self) -> None:
        """Raise Refusal if another run took over."""
        try:
            with naming(self.store.url, self.folder), reaching(self.store.url):
                self._require()
        except Refusal as refusal:
            self.lost = "took over" in str(refusal)
            raise

    @contextmanager
    def records(self) -> Iterator[Path]:
        """Download what a start is decided by, into a folder that is removed afterwards."""
        with tempfile.TemporaryDirectory(prefix="triptych-") as name, naming(self.store.url, Path(name)):
            self._fetch_records(Path(name))
            yield Path(name)

    def stage(self) -> None:
        """Make the staging folder that of the run as it is at the URL; on one process of every machine."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            if path.name != FOLDER:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        steps = self._fetch_records(self.folder)
        kept = {folder_name(step) for step in steps}
        for path in (self.folder / FOLDER).glob("*"):
            if path.name not in kept:
                shutil.rmtree(path)

    def _fetch_records(self, folder: Path) -> list[int]:
        with reaching(self.store.url), refusing_full_disk(folder):
            for name in (RUN, METRICS, IDS, f"{MODEL}/{CONFIG}"):
                if self.store.exists(name):
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / name).write_bytes(self.store.read(name))
        return self.checkpoints.fetch_states(folder / FOLDER)

    def write_record(self, folder: Path) -> None:
        """Upload `run.json` from a local folder."""
        with reaching(self.store.url):
            self.store.write(RUN, (folder / RUN).read_bytes())

    def upload_log(self, rank: int) -> None:
        """Upload the batches of skipped steps of a process; rank 0 also uploads the record and the metrics."""
        found = [*self.folder.glob(f"culprits/*-rank-{rank:04d}.pt")]
        if rank == 0:
            self.require_held()
            found += [*self.folder.glob("tensorboard/*"), *self.folder.glob(IDS)]
            found += [*self._companions(), self.folder / RUN, *sample_files(self.folder)]
        with reaching(self.store.url):
            if rank == 0 and (self.folder / METRICS).exists():
                lines = (self.folder / METRICS).read_bytes()  # training may be appending a line
                self.store.write(METRICS, lines[: lines.rfind(b"\n") + 1])
            for path in filter(Path.exists, found):  # a run that begins has no record yet
                name, facts = path.relative_to(self.folder).as_posix(), path.stat()
                if self._sent.get(name) != (facts.st_size, facts.st_mtime_ns):
                    self.store.fs.put_file(str(path), self.store.path(name))
                    self._sent[name] = facts.st_size, facts.st_mtime_ns

    def _companions(self) -> list[Path]:
        """Files of the model beside its weights, which a reader of a checkpoint needs."""
        later = (CONFIG, WEIGHTS)
        files = (self.folder / MODEL).rglob("*")
        return [path for path in files if path.is_file() and path.suffix != ".new" and path.name not in later]

    def upload_model(self) -> None:
        """Upload the exported model; a reader finds an unfinished folder until its `config.json` is there."""
        self.require_held()
        folder = self.folder / MODEL
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        with reaching(self.store.url):
            self.store.delete(f"{MODEL}/{CONFIG}")
            for name in [*(name for name in names if name != CONFIG), CONFIG]:
                self.store.fs.put_file(str(folder / name), self.store.path(f"{MODEL}/{name}"))

    @contextmanager
    def uploading(self, process: ProcessGroup) -> Iterator[None]:
        """Clean up what killed saves left; upload the log when the block begins and when it ends, however it ends."""
        process.on_first(self.checkpoints.sweep)
        process.on_first(lambda: self.upload_log(process.rank))
        try:
            yield
        except BaseException:
            with suppress(Refusal):  # the reason why it ends says more
                self.upload_log(process.rank)
            raise
        self.upload_log(process.rank)

    def discard(self) -> None:
        """Remove the staging folder of a finished run; on one process of every machine."""
        shutil.rmtree(self.folder, ignore_errors=True)


def run_folder(config: TrainConfig, remote: RemoteRun | None) -> Path:
    """The local folder of a run: its `out`, where `~` is the home folder, or the staging folder of a URL."""
    return remote.folder if remote is not None else Path(config.out.removeprefix("file://")).expanduser()


@contextmanager
def records_of(config: TrainConfig) -> Iterator[Path]:
    """The folder of a run, or a copy of what a run at a URL has recorded there."""
    remote = RemoteRun.of(config)
    with nullcontext(run_folder(config, None)) if remote is None else remote.records() as folder:
        yield folder
