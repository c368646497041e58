"""Seconds to trace a step and a document of a run of a million steps over a thousand million rows.

    python -m benchmarks.trace [--rows 1000000000] [--steps 1000000] [--repeats 20] [--json]

The dataset lists so many shards of 4,096 rows of 4,096 tokens, all of which are one real file of 84 MB. `open` is what
opening it and making the plan take, once per command: mostly the reading of the list of shards. `step` lists
the documents, tasks and noise levels of a random step. `document` finds the segments of a random document in its shard,
and the steps that use it, by inverting the order of rows.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.dataset.locate import Located, segments_in_shard
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.dataset.segment_tables import SegmentTables
from triptych.schemas.dataset.shard_list import ShardList
from triptych.train.data.plan import plan_of
from triptych.train.metrics_file import FILE
from triptych.train.run import write_run_record
from triptych.train.trace.batch_trace import trace_step
from triptych.train.trace.document_trace import trace_document
from triptych.train.trace.traced_run import TracedRun

from .measure import show, spread
from .packed import linked, write_packed

L = 4096  # tokens of a row, and rows of a shard


def write_dataset(folder: Path, rows: int) -> None:
    """Write a dataset whose shards are all one file, by links."""
    write_packed(folder, L, L, shards=1)
    manifest = Dataset(str(folder)).manifest
    (entry,) = manifest.shards
    times = -(-rows // L)
    source = manifest.statistics.sources["made"]
    lengths = {length: count * times for length, count in source.lengths.items()}
    more = source.model_copy(update={"lengths": lengths})
    statistics = manifest.statistics.model_copy(update={"sources": {"made": more}})
    update = {
        "shards": ShardList.of(linked(folder, entry, number) for number in range(times)),
        "statistics": statistics,
    }
    for name, data in manifest.model_copy(update=update).sealed().files().items():
        (folder / name).write_bytes(data)


def write_run(folder: Path, data: Path, rows: int, steps: int) -> None:
    """Write the record and the last line of the log of a run that read every row once."""
    mix = {"datasets": [{"path": str(data), "weight": 1.0}], "batch_tokens": rows // steps * L, "validation": 0.01}
    tree = {"out": str(folder), "data": mix, "model": {"depth": 1, "width": 64}, "steps": steps}
    config = TrainConfig.model_validate(tree)
    write_run_record(config, plan_of(config), 1, folder)
    (folder / FILE).write_text(f'{{"step": {steps}}}\n')


def timed(action: Callable[[], Any]) -> float:
    """Seconds of an action."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def document_of(draw: np.random.Generator) -> Callable[[SegmentTables], list[Located]]:
    """The search for a random document in its shard, which its id tells in a prepared dataset."""
    number, row = int(draw.integers(1 << 30)), int(draw.integers(L))

    def search(tables: SegmentTables) -> list[Located]:
        shard = number % len(tables.dataset.manifest.shards)
        wanted = tables.rows(shard, np.array([row]))[0][0]["id"]
        ids = np.frombuffer(wanted, "V16")[0]

        def mine(flat: Any) -> Any:
            return np.frombuffer(flat.field("id").buffers()[1], "V16")[: len(flat)] == ids

        return segments_in_shard(tables, shard, mine)

    return search


@click.command()
@click.option("--rows", default=10**9, show_default=True)
@click.option("--steps", default=10**6, show_default=True)
@click.option("--repeats", default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(rows: int, steps: int, repeats: int, as_json: bool) -> None:
    """Trace REPEATS random steps and documents."""
    draw = np.random.default_rng(0)
    figures: dict[str, list[float]] = {"step": [], "document": []}
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write_dataset(root / "data", rows)
        write_run(root / "run", root / "data", rows, steps)
        run = TracedRun(root / "run")
        opening = timed(lambda: run.stretch_of(1))
        for _ in range(repeats):
            step = int(draw.integers(1, steps + 1))
            figures["step"].append(timed(lambda: trace_step(run, step)))  # noqa: B023 called at once
            search = document_of(draw)
            figures["document"].append(timed(lambda: trace_document(run, search)))  # noqa: B023
        facts = {"rows": f"{rows:,}", "steps": f"{steps:,}", "rows of a step": rows // steps}
        facts["first step, with caches empty, seconds"] = round(figures["step"][0], 3)
        facts["shards"] = f"{-(-rows // L):,}"
    figures["open"] = [opening]
    show("Seconds of a trace", {name: spread(values) for name, values in figures.items()}, facts, as_json)


if __name__ == "__main__":
    main()
