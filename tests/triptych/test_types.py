"""A user's script over the public face is understood by two type checkers: no error, and nothing of type Any."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """\
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader

import triptych


def show(step: str, done: int, total: int) -> None:
    print(step, done, total)


def data(path: str) -> int:
    dataset = triptych.prepare(path, progress=show)
    dataset = triptych.Dataset(dataset.url)
    rows: int = len(dataset)
    shape: tuple[int, ...] = dataset.row(0).tokens.shape
    for row in dataset.rows(slice(0, 10)):
        modality: npt.NDArray[np.uint8] = row.modality
        print(modality.dtype.name, shape)
    for segment in dataset.segments(kind="image-text", source="stamps"):
        found = dataset.decode(segment)
        if found.text is not None and found.pixels is not None:
            print(found.text.upper(), found.pixels.shape, segment.source, segment.id.hex())
        if found.wave is not None and found.sample_rate is not None:
            print(found.wave.size / found.sample_rate)
    print(dataset.manifest.fingerprint, dataset.manifest.row_length, sorted(dataset.stats()))
    for finding in dataset.verify():
        print(finding.file, finding.problem)
    return rows


def loop(mix: str) -> None:
    stream = triptych.MixStream(mix, rank=0, world=1)
    stream.load_state_dict(stream.state_dict())
    for batch in stream:
        tokens: torch.Tensor = batch.tokens_BL
        print(tokens.shape)
    rows = triptych.MixRows({"datasets": [{"path": "out", "weight": 1.0}], "batch_tokens": 8192})
    first: torch.Tensor = rows[0].tokens
    print(first.shape, len(rows), DataLoader(rows, batch_size=4))


def generate(run: str) -> None:
    generator = triptych.Generator(run)
    for sample in generator.generate("t2i", ["a red stamp"], seed=1, steps=16):
        if sample.pixels is not None:
            print(sample.pixels.shape)
    for likelihood in generator.likelihood(["a red stamp"]):
        nats: float = likelihood.nats
        print(nats, likelihood.standard_error)


try:
    print(triptych.__version__, data("run.yaml"))
except triptych.Refusal as refusal:
    print(refusal.exit_code)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script, and beside it the built wheel, unpacked."""
    folder = tmp_path_factory.mktemp("user")
    for name in ("schemas", "tokenizers", "pipelines", "model", "train", "cli", "triptych"):
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / "source" / name, symlinks=True, ignore=hidden)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(folder / "source")]
    subprocess.run([sys.executable, *build], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    shutil.unpack_archive(wheel, folder / "site", "zip")
    (folder / "work").mkdir()
    (folder / "work/script.py").write_text(SCRIPT, encoding="utf-8")
    return folder


def test_mypy_finds_nothing(project: Path) -> None:
    options = ("--strict", "--follow-imports=silent", "--cache-dir", str(project / "cache"))
    environment = os.environ | {"MYPYPATH": str(project / "site")}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "script.py"],
        cwd=project / "work",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("script.py")]
    assert lines == [], done.stdout


def test_basedpyright_finds_nothing(project: Path) -> None:
    settings = {"typeCheckingMode": "all", "extraPaths": [str(project / "site")], "pythonVersion": "3.11"}
    settings |= {"reportUnusedCallResult": False, "reportImplicitOverride": False}
    (project / "work/pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--outputjson", "script.py"],
        cwd=project / "work",
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)["generalDiagnostics"]
    assert [f"{one['range']['start']['line'] + 1}: {one['message']}" for one in found] == []
