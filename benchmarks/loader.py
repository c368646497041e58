"""Packed rows a second of one core: Triptych's loader beside five others that read the same rows in their own formats.

    pip install litdata mosaicml-streaming webdataset grain array-record datasets
    python -m benchmarks.loader [--rows 4000] [--reads 20000] [--repeats 3] [--json]

`handed out` gives the three arrays of each row and looks at none; `copied` copies every byte of them into one buffer,
so that nothing is left unread. `batches` are what the trainer gets: int64 tokens, positions, slices and the segment
table as tensors, in batches of 64 rows, built in one thread. Figures are rows over CPU seconds of the process and all
its threads; files are in the page cache. The others read REPEATS times over; so few rows are enough for them.
"""

import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import numpy as np

from triptych.schemas.config.mix import MixFile
from triptych.train.data.loader import Loader
from triptych.train.data.plan import Plan, make_plan
from triptych.train.data.row_order import RowOrder
from triptych.train.data.shard_cache import ShardCache
from triptych.train.data.shards import Shards
from triptych.train.data.views import views

from .loader_formats import FORMATS, NAMES, Format, Row
from .measure import cpu_seconds, show, spread
from .packed import write_packed

L, BATCH = 4096, 64


def hand_out(rows: Iterator[Row]) -> int:
    """Look at nothing."""
    return sum(1 for _ in rows)


def copied(rows: Iterator[Row]) -> int:
    """Copy all three arrays, as whatever is done with them must at least."""
    first = next(rows)
    buffers = [np.empty_like(array) for array in first]
    count = 1
    for row in rows:
        for buffer, array in zip(buffers, row, strict=True):
            buffer[:] = array
        count += 1
    return count


def rate(read: Callable[[], int]) -> float:
    """Rows a CPU second."""
    counts: list[int] = []
    seconds = cpu_seconds(lambda: counts.append(read()))
    return counts[0] / seconds


def batches(plan: Plan, shards: Shards) -> int:
    """All of a plan, as the trainer takes it."""
    loader = Loader(plan, shards)
    rows = sum(len(micro.batch.row_B) for step in loader for micro in step)
    loader.close()
    return rows


def planned(folder: Path, reads: int, validation: float) -> Plan:
    """The whole dataset, as often as `reads` takes."""
    entry = {"path": str(folder), "weight": 1.0}
    mix = MixFile.model_validate({"datasets": [entry], "batch_tokens": BATCH * L})
    return make_plan(mix, seed=0, steps=max(reads // BATCH, 1), validation=validation)


def check(arrays: dict[str, np.ndarray], rows: Iterator[Row]) -> None:
    """Every row once, whatever the order; `datasets` widens integers, which is let pass."""
    types = [arrays[name].dtype for name in NAMES]
    found = sorted(b"".join(np.asarray(a, kind).tobytes() for a, kind in zip(row, types, strict=True)) for row in rows)
    wanted = zip(*(arrays[name] for name in NAMES), strict=True)
    assert found == sorted(b"".join(array.tobytes() for array in row) for row in wanted)


def measure_ours(folder: Path, reads: int, repeats: int) -> dict[str, list[float]]:
    """Views, copies, and batches with and without documents held out."""
    plan, held = planned(folder, reads, 0.0), planned(folder, reads // 4, 0.01)
    shards, order = Shards(plan, ShardCache(folder, 0)), RowOrder(plan)
    figures: dict[str, list[float]] = {}
    for _ in range(repeats):
        for name, read in (
            ("triptych, handed out", lambda: hand_out(views(shards, order, 0, reads))),
            ("triptych, copied", lambda: copied(views(shards, order, 0, reads))),
            ("triptych, batches", lambda: batches(planned(folder, reads // 4, 0.0), shards)),
            ("triptych, batches, 1 % held out", lambda: batches(held, shards)),
        ):
            figures.setdefault(name, []).append(rate(read))
    return figures


def measure_theirs(form: Format, where: Path, name: str, repeats: int) -> dict[str, list[float]]:
    """Rows as they come, and copies of them."""
    return {
        f"{name}, handed out": [rate(lambda: hand_out(form.read(where))) for _ in range(repeats)],
        f"{name}, copied": [rate(lambda: copied(form.read(where))) for _ in range(repeats)],
    }


@click.command()
@click.option("--rows", default=4000, show_default=True)
@click.option("--reads", default=20_000, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(rows: int, reads: int, repeats: int, as_json: bool) -> None:
    """Write ROWS packed rows in every format and read them back."""
    facts: dict[str, Any] = {"rows": f"{rows:,} of {L:,} tokens", "missing": []}
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        arrays = write_packed(root / "triptych", rows, L, shards=8)
        plan = planned(root / "triptych", rows, 0.0)
        check(arrays, views(Shards(plan, ShardCache(root, 0)), RowOrder(plan), 0, rows))
        figures = measure_ours(root / "triptych", reads, repeats)
        for name, form in FORMATS.items():
            try:
                facts[name] = version(name)
                form.write(arrays, root / name)
            except (ImportError, PackageNotFoundError):
                facts["missing"].append(name)
                continue
            check(arrays, form.read(root / name))
            figures |= measure_theirs(form, root / name, name, repeats)
    show("Packed rows a CPU second", {name: spread(values) for name, values in figures.items()}, facts, as_json)


if __name__ == "__main__":
    main()
