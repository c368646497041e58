"""One part of the benchmark, in a process of its own: `python -m benchmarks.gpu.part NAME OUT WORK`."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click

from .record import Record
from .sizes import FULL, TINY, Sizes

PARTS = ("shards", "attention", "training", "speed", "sampling")
GRACE = 5  # seconds before the limit of a part, within which it starts nothing


def run_part(name: str, out: Path, work: Path, sizes: Sizes, peak_tflops: float | None) -> Record:
    """Measure a part; its figures are in `out/NAME.json` as soon as they are known."""
    record = Record(out / f"{name}.json", sizes.limits[name] - GRACE)
    from .device import device, peak
    from .setting import Setting

    setting = Setting(work, sizes, device(), record, peak(peak_tflops))
    measure: Callable[[Setting], None] = import_module(f"benchmarks.gpu.{name}").measure
    measure(setting)
    return record


@click.command()
@click.argument("name", type=click.Choice(PARTS))
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--tiny", is_flag=True)
@click.option("--peak-tflops", type=float)
def main(name: str, out: Path, work: Path, tiny: bool, peak_tflops: float | None) -> None:
    """Measure the part NAME."""
    run_part(name, out, work, TINY if tiny else FULL, peak_tflops)


if __name__ == "__main__":
    main()
