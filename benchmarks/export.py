"""Speed of `triptych export` on random tokens: bytes of shards a second of processor time, by format."""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from triptych.schemas.storage.store import Store

from .measure import cpu_seconds, show, spread
from .packed import write_packed

LAYOUTS = ("megatron", "parquet", "hf", "mds", "webdataset")


@click.command()
@click.option("--megabytes", type=int, default=500, show_default=True, help="Bytes of the shards, in millions.")
@click.option("--repeat", type=int, default=3, show_default=True)
@click.option("--layout", "layouts", type=click.Choice(LAYOUTS), multiple=True, default=LAYOUTS)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def main(megabytes: int, repeat: int, layouts: tuple[str, ...], as_json: bool) -> None:
    """Measure exports of a dataset of random tokens, each in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = megabytes * 1_000_000 // (4096 * 5)
        write_packed(folder / "made", rows, 4096, max(1, megabytes // 128))
        size = sum(Store(str(folder / "made")).size(each) for each in Store(str(folder / "made")).names("shards"))
        figures, peaks, disk, written = {}, {}, {}, {}
        for layout in layouts:
            speeds, raw = [], []
            for _ in range(repeat):
                speed, peak, bytes_ = _measure(folder, layout, size)
                speeds.append(speed)
                raw.append(_copy(folder))
                peaks[layout], written[layout] = round(peak), bytes_
            figures[f"{layout}, MB/s of CPU time"] = spread(speeds)
            disk[layout] = round(spread(raw)["median"])
        facts = {
            "bytes of shards": size,
            "peak memory, MB": json.dumps(peaks),
            "bytes written": json.dumps(written),
            "a plain copy beside it, MB/s of CPU time": json.dumps(disk),
        }
        show("triptych export", figures, facts, as_json)


def _measure(folder: Path, layout: str, size: int) -> tuple[float, float, int]:
    """Speed in MB of shards a second of CPU time without the start of Python, peak memory in MB, bytes written."""
    code = (
        "import json, resource, sys, time\n"
        "from triptych.pipelines.handing_on.export import export\n"
        "import datasets, webdataset\n"
        "start = time.process_time()\n"
        "export(*sys.argv[1:])\n"
        "used = time.process_time() - start\n"
        "print(json.dumps([used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))\n"
    )
    arguments = (str(folder / "made"), layout, str(folder / "out"))
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)
    used, peak = json.loads(done.stdout.splitlines()[-1])
    written = sum(path.stat().st_size for path in (folder / "out").rglob("*") if path.is_file())
    shutil.rmtree(folder / "out")
    return size / 1e6 / used, peak * resource.getpagesize() / 4096 / 1000, written


def _copy(folder: Path) -> float:
    """Speed of reading and writing the same shards, in MB a second of CPU time: the bound on this machine, now."""
    shards = sorted((folder / "made" / "shards").iterdir())
    size = sum(path.stat().st_size for path in shards)

    def copy() -> None:
        for path in shards:
            (folder / "copy").write_bytes(path.read_bytes())

    used = cpu_seconds(copy)
    (folder / "copy").unlink()
    return size / 1e6 / max(used, time.get_clock_info("process_time").resolution)


if __name__ == "__main__":
    main()
