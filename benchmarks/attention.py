"""Attention within segments by each way that a device has, beside the dense mask; forward and backward.

    python -m benchmarks.attention [--rows 2] [--length 4096] [--segment 400] [--heads 8] [--repeats 5] [--json]

On a CPU `split` against `dense`, in float32 on one thread; on a GPU `flex` against `dense`, in bfloat16.
"""

import time
from collections.abc import Callable
from typing import get_args

import click
import torch

from triptych.model.network.attention import Way, attend, within_segments

from .measure import cpu_seconds, show, spread


def seconds(action: Callable[[], object], device: str) -> float:
    """CPU time on a CPU; on a GPU the time until it is done."""
    if device == "cpu":
        return cpu_seconds(action)
    torch.cuda.synchronize()
    start = time.perf_counter()
    action()
    torch.cuda.synchronize()
    return time.perf_counter() - start


@click.command()
@click.option("--rows", default=2, show_default=True)
@click.option("--length", default=4096, show_default=True, help="Tokens of a row.")
@click.option("--segment", default=400, show_default=True, help="Tokens of a segment.")
@click.option("--heads", default=8, show_default=True, help="Of 64.")
@click.option("--repeats", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(rows: int, length: int, segment: int, heads: int, repeats: int, as_json: bool) -> None:
    """Every way takes its turn, the mask of a batch made anew each time."""
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ways = [way for way in get_args(Way) if way != ("split" if device == "cuda" else "flex")]
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    ids = (torch.arange(length, device=device) // segment + 1).int().expand(rows, -1)
    shape = (rows, length, heads, 64)
    q, k, v = (torch.randn(shape, device=device, dtype=dtype, requires_grad=True) for _ in range(3))
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(repeats + 1):
        for way in ways:

            def step(way: Way = way) -> None:
                attend(q, k, v, within_segments(ids, causal=False, way=way)).sum().backward()

            spent = seconds(step, device)
            if turn:  # the first compiles
                taken[way].append(spent)
    figures = {f"{way}, ms": spread([1000 * value for value in values]) for way, values in taken.items()}
    facts = {"device": torch.cuda.get_device_name() if device == "cuda" else "CPU, one thread", "rows": rows}
    show(f"Attention within segments of {segment} in rows of {length}", figures, facts, as_json)


if __name__ == "__main__":
    main()
