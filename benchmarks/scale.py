"""What the data path costs as a corpus grows: a table with targets, and JSON with `--json FILE`.

    python -m benchmarks.scale [--json FILE]

Sizes that no machine here can hold are simulated: stores and tasks are replaced, and the code that decides and
remembers is that of a run. Costs are in CPU seconds, bytes and requests, since these hold on a busy machine as well;
only the speed-up of two workers is in wall seconds. Each line is printed as soon as it is known.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import sentencepiece

from triptych.pipelines.pack.windows import WINDOW_PARTITIONS

from .engines import configure, cost, start_and_stop
from .measure import machine
from .memory import measure as measure_memory
from .million_shards import SHARDS_OF_A_MILLION, million_shards
from .near_memory import write_documents
from .scale_driver import measure_driver
from .scale_resume import remote_rows, resume_rows
from .scale_rows import Row
from .scale_shuffle import mix, shuffle_on_s3
from .scale_tasks import measure_costs, tasks

LARGEST = 1_200_000  # partitions of 10^13 tokens
SIMULATED = (12_000, 120_000)
DOCUMENTS = (50_000, 200_000)
MANY_DOCUMENTS = 10_000_000
MEGABYTES = 200
TURNS = 3
NEAR = {"text": {"near": {"threshold": 0.7}}}


def driver() -> Iterator[Row]:
    """Memory and CPU time of the driver: two sizes, and the line through them."""
    runs = [measure_driver(count) for count in SIMULATED]
    for run in runs:
        size = f"{run['partitions']:,.0f} partitions, {run['shards']:,.0f} shards"
        yield Row("driver: memory, near duplicates found", size, run["MB"], "MB", "partitions")
        each = 1e3 * run["CPU seconds"] / run["results"]
        yield Row("driver: CPU a result, without the scheduler", size, each, "CPU ms", "constant")
    small, large = runs
    slope = (large["MB"] - small["MB"]) / (large["partitions"] - small["partitions"])
    memory = large["MB"] + slope * (LARGEST - large["partitions"])
    size = f"{LARGEST:,} partitions, extrapolated"
    yield Row("driver: memory, near duplicates found", size, memory, "MB", "partitions", most=1500)


def manifest() -> Iterator[Row]:
    """What opens a dataset of a million shards."""
    found = million_shards()["tasks"]
    size = f"{SHARDS_OF_A_MILLION:,} shards"
    for name in ("open", "stats", "mix plan", "rank of a trainer"):
        yield Row(f"manifest: {name}", size, found[name]["CPU seconds"], "CPU s", "shards", most=2)
        yield Row(f"manifest: {name}, above imports", size, found[name]["MB above import"], "MB", "shards", most=300)


def near_duplicates(folder: Path, model: str) -> Iterator[Row]:
    """Peaks of the worker and the driver for made-up documents: two sizes, and the line through them."""
    peaks = []
    for count in DOCUMENTS:
        inputs = folder / f"near-{count}"
        inputs.mkdir()
        write_documents(inputs, count)
        peaks.append(measure_memory(inputs, model, {"kind": "dask", "workers": 1}, NEAR))
        for who in ("worker", "driver"):
            size = f"{count:,} documents"
            growth = "constant" if who == "worker" else "documents"
            yield Row(f"near duplicates: peak of the {who}", size, peaks[-1][f"{who}_mb"], "MB", growth)
    worker, whole = ([peak[f"{who}_mb"] for peak in peaks] for who in ("worker", "driver"))
    ratio = f"{DOCUMENTS[1] // DOCUMENTS[0]} x the documents"
    yield Row("near duplicates: worker's peak over before", ratio, worker[1] / worker[0], "x", "constant", most=1.15)
    slope = (whole[1] - whole[0]) / (DOCUMENTS[1] - DOCUMENTS[0])
    memory = whole[1] + max(slope, 0) * (MANY_DOCUMENTS - DOCUMENTS[1])
    size = f"{MANY_DOCUMENTS:,} documents, extrapolated"
    yield Row("near duplicates: peak of the driver", size, memory, "MB", "documents", most=1000)


def workers(folder: Path, model: str) -> Iterator[Row]:
    """The cost of a task, the model of many workers, and two workers beside the serial engine."""
    corpus = folder / "text"
    corpus.mkdir()
    write_documents(corpus, MEGABYTES * 1_000_000 // 400)
    size = sum(path.stat().st_size for path in corpus.iterdir())
    ratios, cpu = [], 0.0
    for turn in range(TURNS + 1):
        walls = []
        for engine in ({"kind": "serial"}, {"kind": "dask", "workers": 2}):
            config = configure(corpus, model, engine, str(folder / f"out-{turn}-{engine['kind']}"))
            begun = cost(lambda config=config: start_and_stop(config))  # type: ignore[misc]
            done = cost(lambda config=config: _prepare(config))  # type: ignore[misc]
            walls.append(done.wall - begun.wall)
            cpu = done.cpu - begun.cpu if engine["kind"] == "serial" else cpu
        ratios.append(walls[0] / walls[1])
    yield from tasks(measure_costs(), cpu / size * (32 << 20))
    what = f"{size / 1e6:,.0f} MB of text, {min(ratios[1:]):.2f} to {max(ratios[1:]):.2f}"
    yield Row("2 workers over serial, wall", what, sorted(ratios[1:])[TURNS // 2], "x", "", least=1.85)


def _prepare(config: Any) -> None:
    from triptych.pipelines.engines.journal import Journal
    from triptych.pipelines.prepare import prepare

    prepare(config, Journal())


def train_text_model(folder: Path) -> str:
    """A small SentencePiece model of made-up text, which only has to be one."""
    (folder / "words").mkdir()
    write_documents(folder / "words", 2000)
    lines = [json.loads(line)["text"] for file in (folder / "words").iterdir() for line in file.open()]
    untyped: Any = sentencepiece.SentencePieceTrainer
    settings = {"vocab_size": 500, "model_type": "bpe", "byte_fallback": True, "character_coverage": 1.0}
    untyped.train(sentence_iterator=iter(lines), model_prefix=str(folder / "text"), minloglevel=2, **settings)
    return str(folder / "text.model")


def parts(folder: Path) -> Iterator[Callable[[], Any]]:
    """Yield the parts of the benchmark, in their order."""
    model = train_text_model(folder)
    yield lambda: shuffle_on_s3(WINDOW_PARTITIONS // 4, 28)
    yield driver
    yield manifest
    yield lambda: (local := resume_rows()) + remote_rows(folder / "remote", local[0].value)
    yield lambda: near_duplicates(folder, model)
    yield lambda: workers(folder, model)
    yield lambda: mix(1000, 10) + mix(100, 100)


@click.command()
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="File for the rows as JSON.")
def main(file: Path | None) -> None:
    """Measure, print the table, and write JSON."""
    rows: list[Row] = []
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    facts = {"machine": machine(), "commit": commit.stdout.strip()}
    with TemporaryDirectory(prefix="triptych-") as name:
        for part in parts(Path(name)):
            for row in part():
                rows.append(row)
                click.echo(row.line())
                if file:
                    lines = [each.json() for each in rows]
                    file.write_text(json.dumps(facts | {"rows": lines}, indent=1, ensure_ascii=False) + "\n")
    missed = [row.what for row in rows if row.verdict == "MISSED"]
    click.echo(f"{machine()}; missed: {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    sys.exit(main())
