"""Text encoding by Triptych beside SentencePiece's own batch encoding: same model, same text, one core.

    python benchmarks/text_encode.py TEXT.txt… [--model text.model] [--repeats 7] [--json]

The two take turns, and each turn's ratio is of two measurements made one right after the other, so that a busy
machine slows both. Without --model one is trained on the text first.
"""

import itertools
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import sentencepiece
from rich.console import Console
from rich.table import Table

from triptych.schemas.config.tokenizers import SentencePieceConfig
from triptych.tokenizers.text.sentencepiece_text import MODEL_FILE, SentencePieceText
from triptych.tokenizers.text.sentencepiece_train import train_sentencepiece


def paragraphs(files: Sequence[str], size: int) -> list[str]:
    """Texts of about `size` characters: whole lines, as documents have them."""
    texts = []
    for file in files:
        lines: list[str] = []
        for line in Path(file).read_text(encoding="utf-8").splitlines(keepends=True):
            lines.append(line)
            if sum(map(len, lines)) >= size:
                texts.append("".join(lines))
                lines = []
        texts += ["".join(lines)] if lines else []
    return texts


def cpu_seconds(action: Callable[[], Any]) -> float:
    """CPU time of all threads of this process while `action` runs."""
    start = time.process_time()
    action()
    return time.process_time() - start


def spread(values: Sequence[float]) -> dict[str, float]:
    """Least, middle and greatest."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def measure(model: Path, texts: list[str], repeats: int) -> dict[str, Any]:
    """MB per CPU second of both, and the ratio turn by turn."""
    ours, theirs = SentencePieceText(str(model)), sentencepiece.SentencePieceProcessor(model_file=str(model))
    size = sum(len(text.encode()) for text in texts) / 1e6
    codes, offsets = ours.encode(texts)
    raw = theirs.encode(texts, num_threads=1)
    same = [codes[a:b].tolist() for a, b in itertools.pairwise(offsets)] == raw
    turns: list[tuple[float, float]] = []
    for turn in range(repeats):
        pair = [lambda: theirs.encode(texts, num_threads=1), lambda: ours.encode(texts)]
        # who goes first alternates: the second finds warmer caches
        seconds = [cpu_seconds(action) for action in (pair if turn % 2 == 0 else pair[::-1])]
        first, second = seconds if turn % 2 == 0 else seconds[::-1]
        turns.append((first, second))
    return {
        "megabytes": size,
        "texts": len(texts),
        "bytes_per_token": size * 1e6 / len(codes),
        "same_codes": same,
        "sentencepiece_mb_per_s": spread([size / raw_s for raw_s, _ in turns]),
        "triptych_mb_per_s": spread([size / our_s for _, our_s in turns]),
        "ratio": spread([raw_s / our_s for raw_s, our_s in turns]),
    }


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--model", type=click.Path(exists=True), help="A .model file or a folder with text.model.")
@click.option("--characters", default=2000, show_default=True, help="Length of a text, about.")
@click.option("--repeats", default=7, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(files: tuple[str, ...], model: str | None, characters: int, repeats: int, as_json: bool) -> None:
    """Compare on the text of FILES."""
    texts = paragraphs(files, characters)
    with tempfile.TemporaryDirectory() as scratch:
        where, training = Path(model or scratch), 0.0
        if model is None:
            training = cpu_seconds(lambda: train_sentencepiece(texts, SentencePieceConfig(), where, seed=0))
        result = measure(where / MODEL_FILE if where.is_dir() else where, texts, repeats)
    result |= {
        "training_cpu_seconds": training,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "sentencepiece": sentencepiece.__version__,
    }
    if as_json:
        click.echo(json.dumps(result))
        return
    title = (
        f"{result['megabytes']:.1f} MB in {len(texts):,} texts, {result['bytes_per_token']:.2f} bytes a token, "
        f"codes {'the same' if result['same_codes'] else 'NOT the same'}"
    )
    table = Table("MB per CPU second", "min", "median", "max", title=title, title_justify="left")
    for name in ("sentencepiece_mb_per_s", "triptych_mb_per_s", "ratio"):
        table.add_row(name.removesuffix("_mb_per_s"), *(f"{result[name][k]:.2f}" for k in ("min", "median", "max")))
    Console().print(table)


if __name__ == "__main__":
    main()
