"""How long a dataset of a million shards takes to open, and how much memory: `stats`, `mix plan`, a trainer's rank.

    python -m benchmarks.million_shards [--shards 1000000] [--json]

The dataset has a manifest and the list of its shards, as `prepare` writes them, and no shards: nothing that is measured
opens one. Each line is a process of its own. `import` is what the process takes before it opens anything, and `memory
above import` is what the list costs.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa

from triptych.schemas.dataset.shard_list import SHARDS, ShardList
from triptych.schemas.dataset.statistics import SourceStatistics, Statistics

from .bare_manifest import write_manifest
from .packed import EACH, VOCABULARY

SHARDS_OF_A_MILLION = 1_000_000
ROW_LENGTH = 4096
ROWS = 4464  # of a shard, some 128 MB
GROUPS = {"text": 0.6, "image-text": 0.3, "audio-text": 0.1}
# VmHWM and not `ru_maxrss`, which a process inherits from the one that started it
_HEAD = """import json, sys, time
url = sys.argv[1]
def peak(): return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])"""
_TAIL = "print(json.dumps([time.perf_counter() - start, time.process_time() - cpu, before, peak()]))"
_BEFORE = "before, start, cpu = peak(), time.perf_counter(), time.process_time()"
_MIX = 'MixFile.model_validate({"datasets": [{"path": url, "weight": 1}], "batch_tokens": 4096 * 1024})'
TASKS = {
    "open": ("from triptych.schemas.dataset.reader import Dataset", "Dataset(url)"),
    "stats": (
        "from triptych.schemas.dataset.reader import Dataset; from triptych.pipelines.inspection.stats import stats",
        "stats(Dataset(url).manifest)",
    ),
    "mix plan": (
        "from triptych.schemas.config.mix import MixFile; from triptych.train.data.plan import make_plan; "
        "from triptych.train.data.plan_summary import summarize_plan",
        f"summarize_plan(make_plan({_MIX}, seed=0))",
    ),
    "rank of a trainer": (
        "from triptych.schemas.config.mix import MixFile; from triptych.train.data.plan import make_plan; "
        "from triptych.train.data.loader import Loader; from triptych.train.data.shards import Shards; "
        "from triptych.train.data.shard_cache import ShardCache",
        f"plan = make_plan({_MIX}, seed=0, validation=0.001); shards = Shards(plan, ShardCache('unused', 0)); "
        "loader = Loader(plan, shards); loader._order.between(10**6, 10**6 + 1024); shards.entry(len(shards) - 1)",
    ),
    "browse": (
        "from triptych.pipelines.inspection.browse.browsed import BrowsedDataset",
        "BrowsedDataset(url).shard_of(1)",
    ),
}


def write_list(folder: Path, count: int) -> None:
    """Write the manifest of a dataset of `count` shards, without the shards."""
    shards = _shards(count)
    sources = {}
    for group in GROUPS:
        segments = int(shards.rows[shards.numbers_of(group)].sum()) * (ROW_LENGTH // EACH)
        sources[group] = SourceStatistics(
            kind=group, samples=segments, segments=segments, tokens={"text": segments}, lengths={EACH: segments}
        )
    rows = shards.total_rows
    folder.mkdir(parents=True, exist_ok=True)
    statistics = Statistics(rows=rows, filled=rows * (ROW_LENGTH // EACH) * EACH, sources=sources)
    write_manifest(folder, VOCABULARY, ROW_LENGTH, shards, statistics)


def _shards(count: int) -> ShardList:
    draw = np.random.default_rng(0)
    checksum = draw.bytes(16 * count)
    group = np.repeat(list(GROUPS), np.diff(np.rint(np.cumsum([0, *GROUPS.values()]) * count).astype(int)))
    names = [f"shards/{of}-{checksum[16 * at : 16 * at + 8].hex()}.arrow" for at, of in enumerate(group.tolist())]
    rows = draw.integers(ROWS - 20, ROWS + 20, count)
    tokens = rows * ROW_LENGTH - draw.integers(0, 10_000, count)
    columns = {
        "file": names,
        "bytes": rows * ROW_LENGTH * 7 + draw.integers(0, 1 << 20, count),
        "xxh3": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), count, [None, pa.py_buffer(checksum)]),
        "group": group,
        "rows": rows,
        "text": tokens // 4,
        "image": pa.array(tokens // 2, mask=group != "image-text"),
        "audio": pa.array(tokens // 2, mask=group != "audio-text"),
    }
    return ShardList(pa.table(columns, schema=SHARDS))


def measure_list(folder: Path) -> dict[str, dict[str, float]]:
    """Seconds and MB of each task on a dataset, in a process of its own."""
    figures = {}
    for name, (imports, work) in TASKS.items():
        code = f"{_HEAD}\n{imports}\n{_BEFORE}\n{work}\n{_TAIL}"
        command = [sys.executable, "-c", code, str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds, cpu, before, peak = json.loads(done.stdout)
        figures[name] = {
            "seconds": round(seconds, 2),
            "CPU seconds": round(cpu, 2),
            "peak MB": round(peak / 1e3),
            "MB above import": round((peak - before) / 1e3),
        }
    return figures


def million_shards(count: int = SHARDS_OF_A_MILLION) -> dict[str, Any]:
    """Write the list, and measure what opens it."""
    with tempfile.TemporaryDirectory(prefix="triptych-") as scratch:
        folder = Path(scratch) / "data"
        write_list(folder, count)
        size = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
        return {"shards": count, "bytes": size, "tasks": measure_list(folder)}


@click.command()
@click.option("--shards", default=SHARDS_OF_A_MILLION, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(shards: int, as_json: bool) -> None:
    """Open a dataset of so many SHARDS in five ways."""
    figures = million_shards(shards)
    if as_json:
        print(json.dumps(figures, indent=1))
        return
    print(f"{shards:,} shards; " + ", ".join(f"{name} {size:,} bytes" for name, size in figures["bytes"].items()))
    print(" " * 20 + "".join(f"{key:>17}" for key in figures["tasks"]["open"]))
    for name, line in figures["tasks"].items():
        print(f"{name:20}" + "".join(f"{value:>17}" for value in line.values()))


if __name__ == "__main__":
    main()
