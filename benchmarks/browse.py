"""How `triptych browse` does on a dataset of 10⁹ rows: time of its pages, and memory of the server.

    python -m benchmarks.browse demo/dataset --work /tmp/browse

The dataset is made of the rows of a real one, repeated to shards of usual size; its manifest lists these files again
and again, as often as 10⁹ rows need. So it takes the disk space of three shards, and the server reads real rows.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from triptych.schemas.dataset.file_entry import ShardEntry
from triptych.schemas.dataset.manifest import Manifest
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.dataset.shard_list import ShardList

from .packed import linked

ROWS = 1_000_000_000
SHARD_ROWS = 4464
SEED, DRAWN = 0, 50


def main() -> None:
    """Make the dataset, serve it twice, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="A dataset with text, images and audio")
    parser.add_argument("--work", type=Path, required=True, help="Folder for the large dataset and the cache")
    arguments = parser.parse_args()
    large = arguments.work / "large"
    if not (large / "manifest.json").exists():
        make_large(Dataset(arguments.dataset), large)
    figures = {f"{name} start": served(large, arguments.work) for name in ("first", "second")}
    print(json.dumps(figures, indent=1))


def make_large(dataset: Dataset, large: Path) -> None:
    """Write a dataset of ROWS rows that are those of another, and its shards repeated."""
    (large / "shards").mkdir(parents=True)
    real: list[ShardEntry] = []
    for group in dict.fromkeys(entry.group for entry in dataset.manifest.shards):
        batches = [dataset.open(entry).batch for entry in dataset.manifest.shards if entry.group == group]
        table = pa.Table.from_batches(batches)
        repeated = pa.concat_tables([table] * -(-SHARD_ROWS // len(table))).slice(0, SHARD_ROWS).combine_chunks()
        name = f"shards/{group}-{len(real):016x}.arrow"
        with pa.OSFile(str(large / name), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(repeated)
        size = (large / name).stat().st_size
        real.append(ShardEntry(file=name, bytes=size, xxh3="0" * 32, group=group, rows=SHARD_ROWS, tokens={}))
    count = -(-ROWS // SHARD_ROWS)
    shards = ShardList.of(linked(large, real[at % len(real)], at) for at in range(count))
    counted = dataset.manifest.statistics.model_copy(update={"rows": count * SHARD_ROWS})
    body = dataset.manifest.model_copy(update={"shards": shards, "statistics": counted, "name": "large"})
    manifest: Manifest = body.sealed()
    shutil.copytree(Path(dataset.root) / "tokenizers", large / "tokenizers")
    for name in ("dropped.parquet", "duplicates.parquet", "run.json"):
        shutil.copy(Path(dataset.root) / name, large)
    for name, data in manifest.files().items():
        (large / name).write_bytes(data)


def served(large: Path, work: Path) -> dict[str, Any]:
    """Start the server, and time its pages; seconds, and bytes of memory."""
    started = time.perf_counter()
    with server(large, work) as (address, process):
        figures: dict[str, Any] = {"seconds to the address": time.perf_counter() - started}
        figures["first page"], page = timed(f"{address}0/")
        rows = int(re.search(r"packed into ([\d,]+) rows", page)[1].replace(",", ""))  # type: ignore[index]
        figures["rows of the dataset"] = rows
        timed(f"{address}0/row/0")
        draw = random.Random(SEED)
        drawn = [draw.randrange(rows) for _ in range(DRAWN)]
        for name, path in (("row", "row/{}"), ("rows", "rows?start={}"), ("sample", "sample?seed={}")):
            times = sorted(timed(f"{address}0/{path.format(row)}")[0] for row in drawn)
            figures[name] = {"median": statistics.median(times), "worst": times[-1]}
        # nothing here has loaded an image or audio tokenizer, so this is the memory that does not depend on them
        status = Path(f"/proc/{process.pid}/status").read_text()
        for name, key in (("peak memory", "VmHWM:"), ("memory of its own", "RssAnon:"), ("mapped files", "RssFile:")):
            figures[name] = int(status.partition(key)[2].split()[0]) * 1024
    return figures


@contextmanager
def server(large: Path, work: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run `triptych browse` with a cache below `work`."""
    code = "from triptych.cli.main import main; main()"
    environment = {**os.environ, "HOME": str(work)}
    command = [sys.executable, "-c", code, "browse", str(large), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield re.search(r"http://\S+", process.stdout.readline())[0], process  # type: ignore[index]
        finally:
            process.send_signal(signal.SIGINT)


def timed(address: str) -> tuple[float, str]:
    """Fetch a page: seconds, and the page."""
    started = time.perf_counter()
    with urllib.request.urlopen(address) as answer:
        text: str = answer.read().decode()
    return time.perf_counter() - started, text


if __name__ == "__main__":
    main()
