"""Triptych on a GPU: attention, training and sampling, checked and timed in one call of at most nine minutes.

    bash benchmarks/gpu.sh OUT [--tiny] [--part NAME]... [--peak-tflops T]

Each part is a process with a time limit of its own, and its figures are in `OUT/NAME.json` as soon as they are known:
a part that reaches its limit is ended, and the next one begins. `OUT/gpu.json` has all of them with the device and the
versions, `OUT/gpu.log` what the parts printed. The first line of the output says what the figures were taken on; a
table ends it. Shards are made of random codes with the lengths of real data. `--tiny` runs everything with a very small
model, also on a CPU, to try the benchmark itself. The exit code is 1 if a check failed or a part did not end.

Beside torch it needs numpy, pyarrow, pydantic, click, rich, fsspec, safetensors, xxhash, filelock and PyYAML.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

import click

from .part import PARTS
from .record import write_json
from .report import collect, failures, show
from .sizes import FULL, TINY, Sizes


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--tiny", is_flag=True, help="A very small model, to try the benchmark itself.")
@click.option("--part", "chosen", multiple=True, type=click.Choice(PARTS[1:]), help="Only this part; default all.")
@click.option("--peak-tflops", type=float, help="Dense bfloat16 peak of the device, where it is not known.")
def main(out: Path, tiny: bool, chosen: tuple[str, ...], peak_tflops: float | None) -> None:
    """Measure on the first GPU; write figures into the folder OUT."""
    from .device import facts

    told = {name: str(value) for name, value in facts().items()}
    click.echo("; ".join(f"{name} {value}" for name, value in told.items()))
    out.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        (out / f"{name}.json").unlink(missing_ok=True)
    options = [*(["--tiny"] if tiny else []), *(["--peak-tflops", str(peak_tflops)] if peak_tflops else [])]
    ends: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="gpu-") as work, (out / "gpu.log").open("wb") as log:
        for name in ("shards", *(chosen or PARTS[1:])):
            ends[name] = _run(name, [str(out.absolute()), work, *options], TINY if tiny else FULL, log)
            click.echo(f"{name}: {ends[name]}")
            report = collect(out, told, ends)
            write_json(out / "gpu.json", report)
    for name in set(PARTS) - ends.keys():
        del report["parts"][name]
    write_json(out / "gpu.json", report)
    show(report)
    sys.exit(1 if failures(report) else 0)


def _run(name: str, arguments: list[str], sizes: Sizes, log: BinaryIO) -> str:
    """Run a part in a process of its own; `done`, or how else it ended."""
    command = [sys.executable, "-m", "benchmarks.gpu.part", name, *arguments]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        code = process.wait(timeout=sizes.limits[name])
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with the processes that compile
        process.wait()
        return f"ended at its limit of {sizes.limits[name]:.0f} seconds; the figures until then count"
    return "done" if code == 0 else f"failed with exit code {code}: see gpu.log"


if __name__ == "__main__":
    main()
