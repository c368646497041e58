"""Requests per second of the class for lm-evaluation-harness: batched, beside one request at a time.

    python -m benchmarks.harness_requests RUN --suite DIR

Contexts are those of the passages of `lambada_test.jsonl`, or their first words where a text is generated; answers are
their last words, or four letters after each of them. The answers of both ways must be equal. Each way is timed several
times, in turn; printed are the median and the range of requests per second.
"""

import json
import math
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from triptych.train.evaluate.likelihood.benchmark_files import lambada
from triptych.train.evaluate.likelihood.lm_eval import HarnessModel

from .measure import machine


def timed(answer: Callable[[], list[Any]]) -> tuple[list[Any], float]:
    """Answers, and the seconds that they took."""
    begin = time.perf_counter()
    return answer(), time.perf_counter() - begin


def equal(together: list[Any], alone: list[Any]) -> bool:
    """Whether texts are the same, and likelihoods the same within the rounding of float32."""
    if isinstance(together[0], str):
        return together == alone
    pairs = zip(together, alone, strict=True)
    return all(mine[1] == other[1] and math.isclose(mine[0], other[0], rel_tol=1e-4) for mine, other in pairs)


@click.command()
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--suite", required=True, type=click.Path(exists=True, path_type=Path), help="Has lambada_test.jsonl.")
@click.option("--requests", default=64, show_default=True)
@click.option("--words", default=8, show_default=True, help="Of a context.")
@click.option("--tokens", default=16, show_default=True, help="Of an answer.")
@click.option("--repeats", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(run: Path, suite: Path, requests: int, words: int, tokens: int, repeats: int, as_json: bool) -> None:
    """Time requests to generate, and to score the last words, in both ways."""
    warnings.simplefilter("ignore")
    model = HarnessModel(str(run))
    pairs = lambada(suite / "lambada_test.jsonl")[:requests]
    asked = {
        "generate_until": [
            SimpleNamespace(args=(" ".join(context.split()[:words]), {"max_gen_toks": tokens})) for context, _ in pairs
        ],
        "loglikelihood": [SimpleNamespace(args=pair) for pair in pairs],
        "loglikelihood of letters": [
            SimpleNamespace(args=(context, f" {letter}")) for context, _ in pairs[: requests // 4] for letter in "ABCD"
        ],
    }
    lines: dict[str, dict[str, list[float]]] = {}
    for name, mine in asked.items():
        method = getattr(model, name.split()[0])
        found: dict[str, list[float]] = {"batched": [], "one at a time": []}
        for _ in range(repeats):
            together, seconds = timed(lambda method=method, mine=mine: method(mine))  # type: ignore[misc]
            found["batched"].append(len(mine) / seconds)
            alone, seconds = timed(lambda method=method, mine=mine: [method([one])[0] for one in mine])  # type: ignore[misc]
            found["one at a time"].append(len(mine) / seconds)
            if not equal(together, alone):
                raise SystemExit("the answers of a batch differ from those of single requests")
        lines[name] = found
    if as_json:
        click.echo(json.dumps({"machine": machine(), "requests": len(pairs), "per second": lines}))
        return
    click.echo(f"{len(pairs)} requests, {repeats} repeats; {machine()}")
    for name, found in lines.items():
        medians = {way: statistics.median(rates) for way, rates in found.items()}
        for way, rates in found.items():
            click.echo(f"{name:24} {way:14} {medians[way]:8.1f} requests/s ({min(rates):.1f} to {max(rates):.1f})")
        click.echo(f"{name:24} {medians['batched'] / medians['one at a time']:.1f} times as many")


if __name__ == "__main__":
    main()
