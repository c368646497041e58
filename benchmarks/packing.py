"""Best-fit decreasing beside padding, first-fit and concat-and-split: fill, cuts, and samples a second.

    python -m benchmarks.packing [DATASET] [--samples 200000] [--repeats 5] [--json]

Lengths are a real dataset's, from its manifest, or the synthetic ones of the option's default: text log-normal, and
pictures and clips as 256-token and 200-tokens-a-second codes with captions.
"""

import time
from collections import Counter
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from triptych.pipelines.inspection.fill_bound import fill_bound
from triptych.pipelines.pack.best_fit import best_fit_decreasing
from triptych.schemas.dataset.reader import Dataset

from .measure import show, spread

Ints = npt.NDArray[np.int64]


def synthetic(samples: int, row_length: int) -> dict[str, Ints]:
    """Lengths of three kinds, and of all three mixed."""
    rng = np.random.default_rng(0)
    caption = rng.integers(5, 60, samples)
    kinds = {
        "text": np.clip(rng.lognormal(6.3, 1.0, samples), 2, row_length),
        "image-text": caption + 260,
        "audio-text": np.clip(caption + rng.gamma(4, 2, samples) * 200, 2, row_length),
    }
    kinds["none"] = np.concatenate([lengths[: samples // 3] for lengths in kinds.values()])
    return {name: lengths.astype(np.int64) for name, lengths in kinds.items()}


def first_fit(lengths: Ints, row_length: int, open_rows: int = 64) -> int:
    """Rows of first-fit over a window of open rows, as online packers do."""
    rooms: list[int] = []
    rows = 0
    for length in lengths.tolist():
        for index, room in enumerate(rooms):
            if room >= length:
                rooms[index] -= length
                break
        else:
            rows += 1
            rooms.append(row_length - length)
            if len(rooms) > open_rows:
                rooms.pop(0)
    return rows


def cut_by_concatenation(lengths: Ints, row_length: int) -> float:
    """Share of samples that a row's end would cut if all were laid end to end."""
    ends = np.cumsum(lengths)
    return float(((ends - 1) // row_length != (ends - lengths) // row_length).mean())


@click.command()
@click.argument("dataset", required=False)
@click.option("--samples", default=200_000, show_default=True)
@click.option("--row-length", default=4096, show_default=True)
@click.option("--repeats", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(dataset: str | None, samples: int, row_length: int, repeats: int, as_json: bool) -> None:
    """Compare on synthetic lengths, or on those of DATASET."""
    kinds = synthetic(samples, row_length)
    if dataset:
        manifest = Dataset(dataset).manifest
        row_length = manifest.row_length
        rng = np.random.default_rng(0)
        kinds = {
            name: rng.permutation(np.repeat(list(source.lengths), list(source.lengths.values())))
            for name, source in manifest.statistics.sources.items()
        }
        kinds["none"] = rng.permutation(np.concatenate(list(kinds.values())))
    figures: dict[str, dict[str, float]] = {}
    facts: dict[str, Any] = {"row_length": row_length}
    for name, lengths in kinds.items():
        speeds = []
        for _ in range(repeats):
            start = time.process_time()
            *_, rows = best_fit_decreasing(lengths, row_length)
            speeds.append(len(lengths) / (time.process_time() - start) / 1e6)
        figures[f"{name}: million samples a CPU second"] = spread(speeds)
        total = int(lengths.sum())
        facts[name] = {
            "samples": len(lengths),
            "fill, best-fit decreasing": round(total / (rows * row_length), 5),
            "fill, at most": round(fill_bound(Counter(lengths.tolist()), row_length), 5),
            "fill, first-fit of 64": round(total / (first_fit(lengths, row_length) * row_length), 5),
            "fill, padding each": round(total / (len(lengths) * row_length), 5),
            "cut by concat-and-split": round(cut_by_concatenation(lengths, row_length), 5),
        }
    show("Packing", figures, facts, as_json)


if __name__ == "__main__":
    main()
