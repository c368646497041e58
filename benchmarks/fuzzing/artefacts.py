"""One of everything that Triptych opens: a dataset, a training run with its checkpoint and export, files of tokenizers.

Made once by the commands of this checkout, from the small corpus.
"""

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from .. import small_corpus
from . import checkpoint

COMMAND = "import sys; from triptych.cli.main import main; sys.argv[0] = 'triptych'; main()"
TRAINING: dict[str, Any] = {
    "out": "run",
    "data": {"datasets": [{"path": "dataset", "weight": 1.0}], "batch_tokens": 4096, "cache": "cache"},
    "model": {"depth": 1, "width": 64},
    "optimizer": {"lr": 1.0e-3, "warmup": 1},
    "steps": 2,
    "checkpoint": {"every": 2, "keep": 1},
}


def make(folder: Path) -> None:
    """Write `run.yaml`, `train.yaml`, `dataset`, `run`, `checkpoints` and `tokenizers` into a folder."""
    run = small_corpus.write(folder / "corpus") | {"out": "dataset", "engine": {"kind": "serial"}}
    (folder / "run.yaml").write_text(yaml.safe_dump(run, sort_keys=False), encoding="utf-8")
    (folder / "train.yaml").write_text(yaml.safe_dump(TRAINING, sort_keys=False), encoding="utf-8")
    for arguments in (("prepare", "run.yaml"), ("train", "train.yaml")):
        _triptych(folder, *arguments)
    checkpoint.save(folder / "checkpoints")
    _write_tokenizers(folder / "tokenizers")


def _triptych(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"triptych {' '.join(arguments)}: {done.stderr[-2000:]}")


def _write_tokenizers(folder: Path) -> None:
    """Write a byte-level tokenizer.json and a rank file; the other kinds are in the dataset."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    folder.mkdir()
    model = Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    model.train_from_iterator(["kalomi ren ta lo ka"] * 9, trainer)
    model.save(str(folder / "tokenizer.json"))
    pieces = [bytes([byte]) for byte in range(256)] + [b"ka", b"lo", b"kalo", b" ren"]
    lines = [base64.b64encode(piece) + b" " + str(rank).encode() for rank, piece in enumerate(pieces)]
    (folder / "text.tiktoken").write_bytes(b"\n".join(lines) + b"\n")
