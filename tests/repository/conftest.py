"""Small corpora in the places that README's run file names."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

WORDS = ("amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "heron", "iris", "jetty", "kelp", "larch")


def text(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(WORDS, words))


def write_docs(folder: Path, rng: np.random.Generator) -> None:
    folder.mkdir(parents=True)
    rows = [json.dumps({"text": text(rng, int(rng.integers(20, 200)))}) for _ in range(60)]
    rows.insert(7, '{"text": 7}')
    rows.append(rows[0])
    (folder / "part-0.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))


def write_glyphs(folder: Path, rng: np.random.Generator) -> None:
    folder.mkdir(parents=True)
    with tarfile.open(folder / "00000.tar", "w") as tar:
        for number in range(8):
            file = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (20, 24, 3), np.uint8)).resize((180, 150)).save(file, "PNG")
            for ending, data in (("png", file.getvalue()), ("txt", text(rng, 4).encode())):
                member = tarfile.TarInfo(f"{number:04d}.{ending}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def write_speech(file: Path, rng: np.random.Generator) -> None:
    clips = []
    for _ in range(8):
        pitch, seconds = rng.uniform(100, 900), rng.uniform(0.3, 0.6)
        wave = 0.4 * np.sin(2 * np.pi * pitch * np.arange(int(16_000 * seconds)) / 16_000)
        sink = io.BytesIO()
        soundfile.write(sink, wave + 0.01 * rng.standard_normal(len(wave)), 16_000, format="FLAC")
        clips.append(sink.getvalue())
    pq.write_table(pa.table({"audio": clips, "text": [text(rng, 3) for _ in clips]}), file)


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """A folder with small corpora at the paths of the demo, which README's run file reads."""
    rng = np.random.default_rng(0)
    write_docs(tmp_path / "demo" / "text", rng)
    write_glyphs(tmp_path / "demo" / "glyphs", rng)
    write_speech(tmp_path / "demo" / "speech.parquet", rng)
    return tmp_path
