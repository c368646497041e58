"""What an engine adds to the work itself: Dask and Beam beside the serial engine, and two Dask workers beside one.

    python -m benchmarks.engines DOCS.jsonl.gz… --model out/tokenizers/text [--megabytes 200] [--repeats 3] [--json]

The text path of `prepare` with a given tokenizer, in CPU seconds of the driver and its workers and in wall seconds.
What it takes to start an engine, do one empty task and stop it is measured apart, just before each run, and
subtracted. Overheads and the speed-up are ratios within one turn.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.registry import open_engine
from triptych.pipelines.prepare import prepare
from triptych.schemas.config.run import RunConfig
from triptych.schemas.storage.store import Store

from .measure import cpu_seconds, show, spread
from .text_path import write_corpus

ENGINES: dict[str, dict[str, Any]] = {
    "serial": {"kind": "serial"},
    "dask, 1 worker": {"kind": "dask", "workers": 1},
    "beam, 1 worker": {"kind": "beam"},
    "dask, 2 workers": {"kind": "dask", "workers": 2},
}


class Cost(NamedTuple):
    """CPU and wall seconds."""

    cpu: float
    wall: float


def cost(action: Callable[[], Any]) -> Cost:
    """What `action` takes."""
    start = time.perf_counter()
    cpu = cpu_seconds(action)
    return Cost(cpu, time.perf_counter() - start)


def configure(corpus: Path, model: str, engine: dict[str, Any], out: str) -> RunConfig:
    """The text path with as many partitions as keep two workers busy to the end."""
    source = {"name": "docs", "kind": "jsonl", "path": f"{corpus}/*.jsonl", "modality": "text", "text": "text"}
    return RunConfig.model_validate(
        {
            "name": "benchmark",
            "out": out,
            "engine": engine,
            "sources": [source],
            "tokenizers": {"text": {"kind": "sentencepiece", "path": model}},
            "partition_bytes": 8_000_000,
            "pack": {"shard_bytes": 16_000_000},
        }
    )


def start_and_stop(config: RunConfig) -> None:
    """An engine that does next to nothing."""
    engine = open_engine(config.engine, Store(config.out), Journal())
    try:
        engine.collect("nothing", len, ["", ""])
    finally:
        engine.close()


def one_turn(corpus: Path, model: str) -> tuple[dict[str, Cost], dict[str, Cost]]:
    """What the work takes with each engine, and what starting it takes, one right after the other."""
    work, starts = {}, {}
    for name, engine in ENGINES.items():
        with tempfile.TemporaryDirectory() as out:
            config = configure(corpus, model, engine, out)
            starts[name] = cost(partial(start_and_stop, config))
            whole = cost(partial(prepare, config, Journal()))
            work[name] = Cost(whole.cpu - starts[name].cpu, whole.wall - starts[name].wall)
    return work, starts


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--model", required=True, type=click.Path(exists=True), help="Folder with text.model.")
@click.option("--megabytes", default=200, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(files: tuple[str, ...], model: str, megabytes: int, repeats: int, as_json: bool) -> None:
    """Measure on the text of FILES."""
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch)
        texts = write_corpus(files, megabytes, corpus)
        size = sum(len(text.encode()) for text in texts) / 1e6
        del texts
        one_turn(corpus, model)  # imports what the driver needs
        turns = [one_turn(corpus, model) for _ in range(repeats)]
    figures = {}
    for unit in Cost._fields:
        for name in ENGINES:
            figures[f"{name}, {unit} seconds"] = spread([getattr(work[name], unit) for work, _ in turns])
        for name in ("dask, 1 worker", "beam, 1 worker"):
            ratios = [getattr(work[name], unit) / getattr(work["serial"], unit) for work, _ in turns]
            figures[f"{name}, {unit} overhead, %"] = spread([100 * (ratio - 1) for ratio in ratios])
    speed_ups = [work["serial"].wall / work["dask, 2 workers"].wall for work, _ in turns]
    figures["dask, 2 workers, speed-up"] = spread(speed_ups)
    for name in list(ENGINES)[1:]:
        figures[f"start and stop: {name}, wall seconds"] = spread([starts[name].wall for _, starts in turns])
    show("Engines", figures, {"megabytes": round(size, 1), "turns": repeats}, as_json)


if __name__ == "__main__":
    main()
