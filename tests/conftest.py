"""Small corpora of every kind, tokenizers trained on them, and one dataset made of both; once a test run."""

import gzip
import io
import json
import os
import random
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

from .processes import start_fork_server

os.environ["HF_HUB_OFFLINE"] = "1"
# threads that spin while they wait cost ten times the work where tests share cores
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # two workers share two cores

# hypothesis keeps tables of Unicode on disk: not in the working tree
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / f"triptych-hypothesis-{os.getuid()}")
settings.register_profile("triptych", deadline=None, derandomize=True, database=None)
settings.load_profile("triptych")

# The run file of the documentation, as a user would write it.
RUN_FILE = """\
name: stamps
out: out/stamps                                   # any fsspec URL
seed: 0
row_length: 4096
engine: {kind: dask, workers: 2}                  # serial | dask {workers: N | scheduler: URL}
sources:
  - {name: docs,    kind: jsonl,      path: "corpora/docs/*.jsonl.gz", modality: text,       text: text}
  - {name: stamps,  kind: webdataset, path: "corpora/stamps/*.tar",    modality: image-text, image: png, text: txt}
  - {name: prompts, kind: parquet,    path: "corpora/prompts.parquet", modality: audio-text, audio: audio, text: text}
tokenizers:
  text:  {kind: sentencepiece, vocab_size: 8000}  # trained in the run on a deterministic sample, or path: FILE
  image: {kind: vq, size: 128, downsample: 8, steps: 1500}   # 256 tokens; trained in the run, or path
  audio: {kind: rvq, sample_rate: 16000, levels: 4, steps: 600}   # 200 tokens/s; trained in the run
"""
# What makes that run a matter of seconds.
QUICK = (
    "row_length=512",
    "tokenizers.text.vocab_size=400",
    "tokenizers.image.size=16",
    "tokenizers.image.downsample=4",
    "tokenizers.image.codes=64",
    "tokenizers.image.steps=20",
    "tokenizers.audio.codes=32",
    "tokenizers.audio.steps=20",
)

DOCS, STAMPS, PROMPTS = 120, 24, 18
Tree = dict[str, Any]


def words(seed: int, count: int) -> str:
    """Text of `count` words of a small made-up language, accents and line breaks included."""
    draw = random.Random(seed)
    syllables = ["ka", "lo", "mi", "ren", "ta", "shi", "ü", "né", "vor", "pa", "dle", "qua"]
    return " ".join(
        "".join(draw.choice(syllables) for _ in range(draw.randint(1, 4))) + draw.choice(["", "", ",", ".\n"])
        for _ in range(count)
    )


def picture(seed: int, width: int = 40, height: int = 36) -> bytes:
    """A PNG of a few coloured boxes."""
    from PIL import Image

    draw = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), draw.integers(0, 256, 3), np.uint8)
    for _ in range(4):
        x, y = draw.integers(0, width), draw.integers(0, height)
        pixels[y : y + 12, x : x + 14] = draw.integers(0, 256, 3)
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, format="PNG")
    return sink.getvalue()


def clip(seed: int, seconds: float = 0.5, rate: int = 16000, file_format: str = "FLAC") -> bytes:
    """A clip of a gliding tone in some noise."""
    import soundfile

    draw = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * time * (draw.uniform(150, 900) + draw.uniform(-200, 400) * time))
    sink = io.BytesIO()
    soundfile.write(sink, wave + 0.01 * draw.standard_normal(len(time)), rate, format=file_format, subtype="PCM_16")
    return sink.getvalue()


def write_docs(path: Path, texts: list[str]) -> None:
    """JSON lines, gzipped by their suffix; the same texts give the same bytes."""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(lines, mtime=0) if path.suffix == ".gz" else lines)


def write_tar(path: Path, members: dict[str, bytes]) -> None:
    """A tar of members in the order given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def write_clips(path: Path, rows: list[dict[str, Any]]) -> None:
    """Clips and transcripts as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, pa.schema([("audio", pa.binary()), ("text", pa.string())])), path)


class Makers:
    """The functions above, for tests that need a corpus of their own."""

    words = staticmethod(words)
    picture = staticmethod(picture)
    clip = staticmethod(clip)
    write_docs = staticmethod(write_docs)
    write_tar = staticmethod(write_tar)
    write_clips = staticmethod(write_clips)
    run_file = RUN_FILE
    quick = QUICK


def write_corpora(root: Path) -> None:
    """The three corpora that RUN_FILE names, below `root`."""
    for part in range(3):
        # every tenth is longer than a row of 512
        texts = [words(1000 * part + i, 900 if i % 10 == 0 else 8 + i) for i in range(DOCS // 3)]
        write_docs(root / f"corpora/docs/{part}.jsonl.gz", texts)
    for part in range(2):
        members: dict[str, bytes] = {}
        for i in range(STAMPS // 2):
            members[f"{i:03d}.png"] = picture(100 * part + i)
            members[f"{i:03d}.txt"] = words(50 * part + i, 5).encode()
        write_tar(root / f"corpora/stamps/{part}.tar", members)
    clips = [{"audio": clip(i, 0.3 + 0.05 * i), "text": words(7 * i, 4)} for i in range(PROMPTS)]
    write_clips(root / "corpora/prompts.parquet", clips)
    (root / "run.yaml").write_text(RUN_FILE, encoding="utf-8")


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
