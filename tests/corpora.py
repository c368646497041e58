"""Small corpora of every kind, and the run file of the documentation for them."""

import gzip
import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

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
