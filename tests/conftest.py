"""Settings of the tests, and datasets of the corpora of corpora.py with tokenizers trained on them; once a test run."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

from .corpora import QUICK, Makers, words, write_corpora
from .processes import start_fork_server

os.environ["HF_HUB_OFFLINE"] = "1"
# threads that spin while they wait cost ten times the work where tests share cores
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # two workers share two cores

# hypothesis keeps tables of Unicode on disk: not in the working tree
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / f"triptych-hypothesis-{os.getuid()}")
settings.register_profile("triptych", deadline=None, derandomize=True, database=None)
settings.load_profile("triptych")

Tree = dict[str, Any]


@pytest.fixture(scope="session")
def makers() -> type[Makers]:
    return Makers


@pytest.fixture(scope="session")
def fork_server() -> None:
    """Has workers of Beam and, with `quick_workers`, of Dask forked from a process that has made the imports."""
    start_fork_server()


@pytest.fixture
def quick_workers(fork_server: None) -> Iterator[None]:
    """Has the workers of a Dask cluster forked from that process; a test without this starts them as a user does."""
    import dask
    import distributed  # noqa: F401 it adds its own settings, which must not be lost with this one

    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        yield


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str, Callable[[Path], None]], Path]:
    """A folder made by the first who asks for it, whichever pytest-xdist worker that is."""
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder, done = root / f"once-{name}", root / f"once-{name}.done"
        with FileLock(str(done) + ".lock"):
            if not done.exists():
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def home(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A folder with `run.yaml` and the corpora that it names; not to be written to."""
    return once("home", write_corpora)


@pytest.fixture(scope="session")
def made(home: Path, once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The dataset of that run file with all tokenizers trained in the run; not to be written to."""

    def fill(folder: Path) -> None:
        from triptych.pipelines.engines.journal import Journal
        from triptych.pipelines.prepare import prepare
        from triptych.schemas.config.load import load_run

        before = Path.cwd()
        os.chdir(home)
        try:
            prepare(load_run("run.yaml", (*QUICK, f"out={folder}/out"), {"kind": "serial"}), Journal())
        finally:
            os.chdir(before)

    return once("made", fill) / "out"


@pytest.fixture(scope="session")
def given(made: Path) -> Tree:
    """A `tokenizers` block that gives the trained ones by path."""
    return {
        "text": {"kind": "sentencepiece", "path": f"{made}/tokenizers/text/text.model"},
        "image": {"kind": "vq", "path": f"{made}/tokenizers/image", "size": 16},
        "audio": {"kind": "rvq", "path": f"{made}/tokenizers/audio"},
    }


@pytest.fixture(scope="session")
def sources(home: Path) -> list[Tree]:
    """The `sources` block of that run file with absolute paths."""
    return [
        {
            "name": "docs",
            "kind": "jsonl",
            "path": f"{home}/corpora/docs/*.jsonl.gz",
            "modality": "text",
            "text": "text",
        },
        {
            "name": "stamps",
            "kind": "webdataset",
            "path": f"{home}/corpora/stamps/*.tar",
            "modality": "image-text",
            "image": "png",
            "text": "txt",
        },
        {
            "name": "prompts",
            "kind": "parquet",
            "path": f"{home}/corpora/prompts.parquet",
            "modality": "audio-text",
            "audio": "audio",
            "text": "text",
        },
    ]


@pytest.fixture(scope="session")
def tree(sources: list[Tree], given: Tree) -> Callable[..., Tree]:
    """A run of those sources with given tokenizers on the serial engine, as a tree to be changed by keyword."""

    def make(out: object, **changes: Any) -> Tree:
        base: Tree = {"name": "small", "out": str(out), "row_length": 512, "engine": {"kind": "serial"}}
        base |= {"sources": [dict(source) for source in sources], "tokenizers": dict(given)}
        return base | changes

    return make


@pytest.fixture(scope="session")
def text_model(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A SentencePiece model of the made-up language, for runs that need no torch."""

    def fill(folder: Path) -> None:
        from triptych.schemas.config.tokenizers import SentencePieceConfig
        from triptych.tokenizers import registry

        texts = [words(i, 60) for i in range(100)]
        registry.train(SentencePieceConfig(vocab_size=400), texts, folder, seed=0, threads=1)

    return once("text", fill) / "text.model"


@pytest.fixture(scope="session")
def text_tree(text_model: Path, sources: list[Tree]) -> Callable[..., Tree]:
    """A run of the texts alone: many partitions, several shards, no torch."""

    def make(out: object, **changes: Any) -> Tree:
        base: Tree = {"name": "texts", "out": str(out), "row_length": 256, "engine": {"kind": "serial"}}
        base |= {"sources": [dict(sources[0])], "partition_bytes": 4096, "pack": {"shard_bytes": 30_000}}
        base |= {"tokenizers": {"text": {"kind": "sentencepiece", "path": str(text_model)}}}
        return base | changes

    return make


@pytest.fixture(scope="session")
def prepared() -> Callable[[Tree], Any]:
    """Prepares a run tree and returns its manifest."""

    def run(tree: Tree) -> Any:
        from triptych.pipelines.engines.journal import Journal
        from triptych.pipelines.prepare import prepare
        from triptych.schemas.config.load import check
        from triptych.schemas.config.run import RunConfig

        return prepare(check(RunConfig, tree, "test"), Journal())

    return run


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Name and bytes of every file of a dataset, but what resume keeps and the run's own report."""

    def read(folder: Path) -> dict[str, bytes]:
        files = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
        return {n: p.read_bytes() for n, p in files.items() if not n.startswith("_work/") and n != "run.json"}

    return read
