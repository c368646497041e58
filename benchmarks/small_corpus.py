"""A tri-modal corpus that `prepare` gets through in seconds, with every kind of duplicate, junk and leak planted."""

import gzip
import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DOCS, PICTURES, CLIPS = 60, 16, 12  # of their own; about a third as many duplicates come on top
RATE = 16_000


def write(folder: Path) -> dict[str, Any]:
    """Write the corpora below `folder`; returns a run of them that trains its tokenizers, without `out`."""
    _write_docs(folder / "docs", folder / "held-out.jsonl")
    _write_pictures(folder / "pictures")
    _write_clips(folder / "clips.parquet")
    sources = [
        {"name": "docs", "kind": "jsonl", "path": f"{folder}/docs/*.jsonl.gz", "modality": "text", "text": "text"},
        {
            "name": "pictures",
            "kind": "webdataset",
            "path": f"{folder}/pictures/*.tar",
            "modality": "image-text",
            "image": "png;jpg",
            "text": "txt",
        },
        {
            "name": "clips",
            "kind": "parquet",
            "path": f"{folder}/clips.parquet",
            "modality": "audio-text",
            "audio": "audio",
            "text": "text",
        },
    ]
    held_out = {"name": "held-out", "kind": "jsonl", "path": f"{folder}/held-out.jsonl", "text": "text"}
    return {
        "name": "small",
        "row_length": 512,
        "sources": sources,
        "filters": [
            {"name": "text_length", "min_chars": 20},
            {"name": "image_size", "min_side": 32},
            {"name": "duration", "min_seconds": 0.2, "max_seconds": 30},
        ],
        "dedup": {
            "text": {"exact": True, "near": {"threshold": 0.8}},
            "image": {"exact": True, "near": {"radius": 6}},
            "audio": {"exact": True, "near": True},
        },
        "decontaminate": [held_out | {"modality": "text"}],
        "tokenizers": {
            "text": {"kind": "sentencepiece", "vocab_size": 400},
            "image": {"kind": "vq", "size": 16, "downsample": 4, "codes": 64, "steps": 20},
            "audio": {"kind": "rvq", "codes": 32, "steps": 20},
        },
        "pack": {"shard_bytes": 60_000},
        "partition_bytes": 65_536,
    }


def _words(draw: random.Random, count: int) -> list[str]:
    syllables = ["ka", "lo", "mi", "ren", "ta", "shi", "né", "vor", "pa", "dle", "qua", "su", "ber", "ing"]
    return ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(count)]


def _write_docs(folder: Path, held_out: Path) -> None:
    draw = random.Random(0)
    originals = [_words(draw, 700 if n % 10 == 0 else 40 + n) for n in range(DOCS)]
    texts = [" ".join(words) for words in originals]
    texts += [text.upper().replace(" ", "  ") for text in texts[5:12]]
    texts += [" ".join([*words[:20], "other", *words[21:]]) for words in originals[20:60:3]]
    texts += ["junk", "", "too short"]
    draw.shuffle(texts)
    folder.mkdir(parents=True)
    for part in range(3):
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts[part::3])
        (folder / f"{part}.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    leaks = [" ".join(words[3:30]) for words in originals[1:60:15]]
    held_out.write_text("".join(json.dumps({"text": text}) + "\n" for text in leaks), encoding="utf-8")


def _picture(seed: int, kind: str = "PNG", side: int = 64) -> bytes:
    from PIL import Image

    draw = np.random.default_rng(seed)
    coarse = Image.fromarray(draw.integers(0, 256, (5, 5, 3), np.uint8))
    sink = io.BytesIO()
    coarse.resize((64, 64), Image.Resampling.BICUBIC).resize((side, side)).save(sink, format=kind)
    return sink.getvalue()


def _write_pictures(folder: Path) -> None:
    pictures = [("png", _picture(seed)) for seed in range(PICTURES)]
    pictures += [pictures[2], pictures[3], *(("jpg", _picture(seed, "JPEG", 60)) for seed in (4, 5, 6))]
    pictures += [("png", _picture(99, side=16))]
    folder.mkdir(parents=True)
    draw = random.Random(1)
    for part in range(2):
        with tarfile.open(folder / f"{part}.tar", "w") as tar:
            for row, (ending, data) in enumerate(pictures[part::2]):
                caption = " ".join(_words(draw, 6)).encode()
                for name, content in ((f"{row:03d}.{ending}", data), (f"{row:03d}.txt", caption)):
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))


def _clip(seed: int, gain: float = 1.0, seconds: float = 1.5) -> bytes:
    import soundfile

    draw = np.random.default_rng(seed)
    notes = np.repeat(draw.uniform(200, 3000, int(seconds * 8) + 1), RATE // 8)[: int(seconds * RATE)]
    wave = 0.5 * np.sin(2 * np.pi * np.cumsum(notes) / RATE) + 0.01 * draw.standard_normal(len(notes))
    sink = io.BytesIO()
    soundfile.write(sink, gain * wave, RATE, format="FLAC", subtype="PCM_16")
    return sink.getvalue()


def _write_clips(path: Path) -> None:
    draw = random.Random(2)
    clips = [_clip(seed) for seed in range(CLIPS)]
    clips += [clips[1], _clip(2, gain=0.5), _clip(3, gain=0.7), _clip(50, seconds=0.1)]
    texts = [" ".join(_words(draw, 6)) for _ in clips]
    table = pa.table({"audio": pa.array(clips, pa.binary()), "text": texts})
    pq.write_table(table, path, row_group_size=6)
