"""Kills `triptych prepare` at random moments, resumes it on another engine, and compares byte by byte.

    python -m benchmarks.kills RUN.yaml [--set KEY.PATH=VALUE …] [--kills 20] [--seed 0] [--log FILE] [--json]
    python -m benchmarks.kills --corpus small [--kills 200] …

One run is left alone. The others get SIGKILL, the whole process group at once and so the workers of Dask and Beam too,
when a random number of files is there; each is resumed by another engine or another number of workers, killed again a
few times, and then left to end. It must end with the same bytes and write none of the committed partitions again. Exit
code 1 when one does not.

`--corpus small` makes a corpus of all three modalities with planted duplicates; its tokenizers are trained once, by a
run before the others, and given to these by path. Processes are forked from one that has made the imports, which take
longer than such a run.
"""

import importlib
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import xxhash
import yaml

from . import small_corpus
from .killing import Engine, Killing, committed
from .measure import machine

ENGINES = (("serial",), ("dask", "1"), ("dask", "2"), ("dask", "4"), ("beam",), ("beam", "2"))
KILLS_A_RUN = 4  # before it may end
LATER = 0.1  # seconds, at most, from the number of files to the kill
IMPORTS = ("distributed", "apache_beam", "triptych.cli.prepare", "triptych.pipelines.prepare")
BACK_ENDS = {
    "text": "triptych.tokenizers.text.sentencepiece_text",
    "image": "triptych.tokenizers.image.diffusers_vq",
    "audio": "triptych.tokenizers.audio.rvq",
}


def digests(out: Path) -> dict[str, str]:
    """Fingerprint of every file of the dataset: all but what resume keeps and the run's own report."""
    names = [name for name in committed(out) if not name.startswith("_work/") and name != "run.json"]
    return {name: xxhash.xxh3_128_hexdigest((out / name).read_bytes()) for name in sorted(names)}


def partitions(files: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Those of the files that resume builds on."""
    return {name: stamp for name, stamp in files.items() if name.startswith("_work/") and name.endswith(".arrow")}


def one_run(
    runs: Killing, out: Path, engines: Sequence[Engine], moments: Sequence[int], draw: random.Random
) -> list[dict[str, Any]]:
    """Kill a run once for each moment, resumed by the next of the engines each time, and let the last one end it."""
    lines: list[dict[str, Any]] = []
    there: dict[str, tuple[int, int]] = {}
    for engine, resumed_by, files in zip(engines, engines[1:], moments, strict=False):
        began = time.perf_counter()
        killed = runs.kill_at(out, engine, files, draw.uniform(0, LATER))
        now = committed(out)
        newest = max(now, key=lambda name: now[name][1], default="")
        lines.append(
            {
                "killed": killed,
                "engine": " ".join(engine),
                "resumed_by": " ".join(resumed_by),
                "seconds": round(time.perf_counter() - began, 2),
                "files": len(now),
                "newest": "/".join(newest.split("/")[:2]),
                "partitions": len(partitions(now)),
                "partitions_redone": sum(now.get(name) != stamp for name, stamp in there.items()),
            }
        )
        there = partitions(now)
        if not killed:
            break
    runs.finish(out, engines[len(lines)])
    after = committed(out)
    lines[-1]["partitions_redone"] += sum(after.get(name) != stamp for name, stamp in there.items())
    return lines


def kill_all(runs: Killing, folder: Path, kills: int, engines: Sequence[Engine], draw: random.Random) -> list[Any]:
    """So many kills, a line each."""
    undisturbed = folder / "undisturbed"
    runs.finish(undisturbed, ("serial",))
    expected, files = digests(undisturbed), len(committed(undisturbed))
    lines: list[dict[str, Any]] = []
    while (done := sum(line["killed"] for line in lines)) < kills:
        moments = sorted(draw.randint(0, files) for _ in range(min(KILLS_A_RUN, kills - done)))
        order = [draw.choice(engines)]
        while len(order) <= len(moments):
            order.append(draw.choice([engine for engine in engines if engine != order[-1]]))
        out = folder / str(len(lines))
        found = one_run(runs, out, order, moments, draw)
        identical = digests(out) == expected
        if identical:
            shutil.rmtree(out)
        for line in found:
            lines.append({"kill": len(lines) + 1, "run": out.name, **line, "identical": identical})
            click.echo(f"{time.strftime('%H:%M:%S')} {json.dumps(lines[-1])}", err=True)
    return lines


def summary(report: dict[str, Any]) -> str:
    """What came of it, in a line."""
    lines = report["kills"]
    other = sorted({line["run"] for line in lines if not line["identical"]})
    return (
        f"{sum(line['killed'] for line in lines)} kills of {len({line['run'] for line in lines})} runs in "
        f"{report['seconds']} s on {report['machine']}: {sum(line['partitions_redone'] for line in lines)} partitions "
        f"redone, " + (f"other bytes in {', '.join(other)}" if other else "the same bytes each time")
    )


def small_run(folder: Path) -> Path:
    """The run file of the small corpus, its tokenizers given by path."""
    run = small_corpus.write(folder / "corpus")
    (folder / "first.yaml").write_text(yaml.safe_dump(run | {"out": "set below"}))
    Killing(folder / "first.yaml", (), folder).finish(folder / "first", ("serial",))
    trained = folder / "first/tokenizers"
    run["tokenizers"] = {
        "text": {"kind": "sentencepiece", "path": f"{trained}/text/text.model"},
        "image": {"kind": "vq", "path": f"{trained}/image", "size": 16},
        "audio": {"kind": "rvq", "path": f"{trained}/audio"},
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(run | {"out": "set below"}))
    return folder / "run.yaml"


def preload(modalities: Sequence[str]) -> None:
    """Import here what every run would import."""
    for name in (*IMPORTS, *(BACK_ENDS[modality] for modality in modalities)):
        importlib.import_module(name)
    multiprocessing.set_forkserver_preload([*IMPORTS])  # for Beam's workers, of which few come to the others


@click.command()
@click.argument("run_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--corpus", type=click.Choice(["small"]), help="Instead of a run file.")
@click.option("--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="As `triptych prepare` has it.")
@click.option("--kills", type=click.IntRange(1), default=20, show_default=True)
@click.option("--most-workers", type=click.IntRange(1), default=4, show_default=True, help="Of a Dask or Beam run.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Also write everything here, as JSON.")
@click.option("--json", "as_json", is_flag=True)
def main(
    run_file: Path | None,
    corpus: str | None,
    overrides: tuple[str, ...],
    kills: int,
    most_workers: int,
    seed: int,
    log: Path | None,
    as_json: bool,
) -> None:
    """Kill and resume RUN_FILE's run, or that of a corpus made here."""
    if (run_file is None) == (corpus is None):
        raise click.UsageError("Give a run file, or --corpus small.")
    engines = [engine for engine in ENGINES if int(engine[-1] if len(engine) > 1 else 1) <= most_workers]
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.perf_counter()
        from triptych.schemas.config.load import load_run

        preload([m.name.lower() for m in load_run(run_file, overrides).modalities] if run_file else list(BACK_ENDS))
        runs = Killing(run_file or small_run(folder), overrides, folder)
        lines = kill_all(runs, folder, kills, engines, random.Random(seed))
    report = {"machine": machine(), "seed": seed, "seconds": round(time.perf_counter() - began), "kills": lines}
    if log:
        log.write_text(json.dumps(report, indent=1), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(report))
    else:
        click.echo(summary(report))
    if not all(line["identical"] and not line["partitions_redone"] for line in lines):
        sys.exit(1)


if __name__ == "__main__":
    main()
