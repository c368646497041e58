"""Train the RVQ audio tokenizer on clips and measure it on others: word error rate, log-mel distance, code use, cost.

    python benchmarks/audio_tokenizer.py ljspeech.parquet --also digits.parquet --levels 4 --levels 2 --json out.json

A clip belongs to the held-out part by the hash of its bytes, so no clip is ever in both. Standard errors are over
clips, by bootstrap; that of `excess` (tokenizer minus original) is over paired clips.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click
import numpy as np
import pyarrow.parquet as pq
import torch
import xxhash
from rich.console import Console
from rich.table import Table

from triptych.schemas.config.tokenizers import RvqConfig
from triptych.tokenizers.audio.decode_clip import resample, wave_of
from triptych.tokenizers.audio.recogniser import (
    RECOGNISER_RATE,
    transcribe,
    word_errors,
)
from triptych.tokenizers.audio.report import audio_report
from triptych.tokenizers.audio.rvq import RvqCodec
from triptych.tokenizers.audio.rvq_train import train_rvq
from triptych.tokenizers.protocol import Wave

BOOTSTRAPS = 2000
T = TypeVar("T")


class Clip(NamedTuple):
    """A clip and the words said in it."""

    wave: Wave
    text: str


def read_clips(path: Path, sample_rate: int, share: float) -> tuple[list[Clip], list[Clip]]:
    """Training and held-out clips of a Parquet file with columns `audio` (bytes, or a struct with them) and `text`."""
    train: list[tuple[int, Clip]] = []
    held_out: list[tuple[int, Clip]] = []
    for row in pq.read_table(path, columns=["audio", "text"]).to_pylist():
        data = row["audio"]["bytes"] if isinstance(row["audio"], dict) else row["audio"]
        rank = xxhash.xxh3_64_intdigest(data)
        part = held_out if rank / 2**64 < share else train
        part.append((rank, Clip(wave_of(data, sample_rate, 600.0), row["text"])))
    # hash order is a shuffle, so the first n of a part are a fair draw
    train.sort(key=lambda pair: pair[0])
    held_out.sort(key=lambda pair: pair[0])
    return [clip for _, clip in train], [clip for _, clip in held_out]


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result and the CPU seconds of all threads."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def heard_errors(waves: Sequence[Wave], texts: Sequence[str], rate: int) -> np.ndarray:
    """(clips, 2): word errors and words."""
    return word_errors(texts, transcribe([resample(wave, rate, RECOGNISER_RATE) for wave in waves]))


def bootstrap(counts: np.ndarray, original: np.ndarray) -> dict[str, float]:
    """Word error rate, its excess over the original's, and the standard errors of both and of the original."""
    draws = np.random.default_rng(0).integers(0, len(counts), (BOOTSTRAPS, len(counts)))
    rates, floors = (part[draws].sum(1)[:, 0] / part[draws].sum(1)[:, 1] for part in (counts, original))
    wer, floor = (part[:, 0].sum() / part[:, 1].sum() for part in (counts, original))
    spread = {
        "wer_se": rates.std(),
        "original_se": floors.std(),
        "excess_se": (rates - floors).std(),
    }
    figures = {
        "wer": wer,
        "original": floor,
        "excess": wer - floor,
        "words": counts[:, 1].sum(),
        **spread,
    }
    return {name: float(value) for name, value in figures.items()}


def measure(codec: RvqCodec, clips: Sequence[Clip], original: np.ndarray) -> dict[str, Any]:
    """All figures of one tokenizer on one set."""
    waves = [clip.wave for clip in clips]
    seconds = sum(map(len, waves)) / codec.sample_rate
    codes, encoding = timed(lambda: codec.encode(waves))
    decoded, decoding = timed(lambda: [codec.decode(code) for code in codes])
    errors = heard_errors(decoded, [clip.text for clip in clips], codec.sample_rate)
    rates = {"encode_rtf": encoding / seconds, "decode_rtf": decoding / seconds}
    return {**audio_report(codec, waves), **bootstrap(errors, original), **rates}


@click.command(help=__doc__)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--also",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Measured on, not trained on.",
)
@click.option("--levels", multiple=True, default=(4, 2), show_default=True)
@click.option("--codes", default=1024, show_default=True)
@click.option("--steps", default=RvqConfig().steps, show_default=True)
@click.option("--sample-rate", default=16000, show_default=True)
@click.option("--held-out", default=0.25, show_default=True, help="Share of each file's clips.")
@click.option("--clips", default=100, show_default=True, help="Measured clips a set, at most.")
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path),
    help="Write all figures here.",
)
def main(
    files: tuple[Path, ...],
    also: tuple[Path, ...],
    levels: tuple[int, ...],
    codes: int,
    steps: int,
    sample_rate: int,
    held_out: float,
    clips: int,
    seed: int,
    threads: int,
    json_path: Path | None,
) -> None:
    """Train once for each number of levels, then measure on every set."""
    torch.set_num_threads(threads)
    split = {path: read_clips(path, sample_rate, held_out) for path in (*files, *also)}
    waves = [clip.wave for path in files for clip in split[path][0]]
    tests = {path.stem: part[:clips] for path, (_, part) in split.items()}
    originals = {
        name: heard_errors([clip.wave for clip in part], [clip.text for clip in part], sample_rate)
        for name, part in tests.items()
    }
    results: list[dict[str, Any]] = []
    for level in levels:
        config = RvqConfig.model_validate(
            {
                "levels": level,
                "codes": codes,
                "steps": steps,
                "sample_rate": sample_rate,
            }
        )
        with tempfile.TemporaryDirectory() as folder:
            _, training = timed(partial(train_rvq, waves, config, Path(folder), seed=seed, threads=threads))
            codec = RvqCodec(folder)
        for name, part in tests.items():
            figures = measure(codec, part, originals[name])
            results.append(
                {
                    "set": name,
                    "levels": level,
                    "training_core_minutes": training / 60,
                    **figures,
                }
            )
    settings: dict[str, Any] = {
        "train_clips": len(waves),
        "train_seconds": sum(map(len, waves)) / sample_rate,
        "codes": codes,
    }
    settings |= {
        "steps": steps,
        "seed": seed,
        "threads": threads,
        "cores": os.cpu_count(),
        "torch": torch.__version__,
    }
    Console(width=150).print(table(results))
    if json_path is not None:
        json_path.write_text(json.dumps({"settings": settings, "results": results}, indent=1))


def table(results: Sequence[dict[str, Any]]) -> Table:
    """One line a set and number of levels."""
    heads = [
        "set",
        "clips",
        "tokens/s",
        "WER original",
        "WER tokenizer",
        "excess",
        "log-mel dB",
        "codes used",
    ]
    view = Table(*heads, "core-min", "encode ×RT", "decode ×RT")
    for row in results:
        pairs = [f"{row[key]:.3f} ± {row[f'{key}_se']:.3f}" for key in ("original", "wer", "excess")]
        used = " ".join(map(str, row["codes_used"]))
        rest = [
            f"{row['training_core_minutes']:.2f}",
            f"{row['encode_rtf']:.4f}",
            f"{row['decode_rtf']:.3f}",
        ]
        cells = [
            row["set"],
            str(row["n"]),
            f"{row['tokens_per_second']:g}",
            *pairs,
            f"{row['log_mel_distance']:.2f}",
        ]
        view.add_row(*cells, used, *rest)
    return view


if __name__ == "__main__":
    main()
