"""Tries a Beam runner: the bytes of a dataset beside those of the serial engine, the number of jobs, and the time.

    python -m benchmarks.beam_runner --runner PrismRunner --options '{prism_location: prism/prism-2.77.0}'
    python -m benchmarks.beam_runner --runner FlinkRunner --options '{flink_master: "host:8081", …}' --out s3://bucket/try
    python -m benchmarks.beam_runner RUN.yaml --runner PortableRunner --options '{job_endpoint: "localhost:8099", …}'

Without RUN.yaml it makes a small corpus of all three modalities with planted duplicates; its tokenizers are trained in
the serial run and given by path to the other. `--out` must be a place that the workers reach: a folder on this machine
is enough only for workers on this machine. Exit code 1 if a file differs or the run takes more than six jobs.
"""

import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import xxhash
import yaml

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.prepare import prepare
from triptych.schemas.config.load import load_run
from triptych.schemas.config.run import RunConfig
from triptych.schemas.storage.store import WORK, Store

from . import small_corpus
from .measure import machine

MOST_JOBS = 6


class Jobs(Journal):
    """Keeps what each Beam job was for, and shows everything else."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[str] = []

    def say(self, message: str) -> None:
        """Take the line of a job."""
        if job := re.match(r"Beam job \d+: (.*)", message, re.DOTALL):
            self.jobs.append(job[1])
        click.echo(message, err=True)


def digests(store: Store) -> dict[str, str]:
    """Fingerprint of every file of a dataset: all but what resume keeps and the run's own report."""
    names = [name for name in store.names("") if not name.startswith(f"{WORK}/") and name != "run.json"]
    return {name: xxhash.xxh3_128_hexdigest(store.read(name)) for name in names}


def timed(config: RunConfig) -> tuple[float, Jobs]:
    """Prepare; returns the seconds that it took, and its jobs."""
    journal, start = Jobs(), time.perf_counter()
    prepare(config, journal)
    return time.perf_counter() - start, journal


def tree_of(run_file: Path | None, folder: Path) -> dict[str, Any]:
    """The tree of the run file, or of a small corpus that is made in a folder."""
    if run_file is None:
        return small_corpus.write(folder / "corpus")
    tree: dict[str, Any] = yaml.safe_load(run_file.read_text())
    return tree


def compare(run_file: Path | None, engine: dict[str, Any], out: str, folder: Path) -> dict[str, Any]:
    """Prepare by the serial engine and by the runner.

    Args:
        run_file: The run file; None for the small corpus.
        engine: The `engine` block of the runner.
        out: Where both datasets are written, in folders of their own.
        folder: For files on this machine.

    Returns:
        Seconds of both, the jobs, and the files that differ.
    """
    tree = tree_of(run_file, folder)
    written = folder / "run.yaml"
    written.write_text(yaml.safe_dump(tree | {"out": f"{out}/serial", "engine": {"kind": "serial"}}))
    serial, _ = timed(load_run(written))
    written.write_text(yaml.safe_dump(tree | {"out": f"{out}/beam", "engine": engine}))
    seconds, journal = timed(load_run(written))
    one, other = (digests(Store(f"{out}/{name}")) for name in ("serial", "beam"))
    return {
        "seconds of the serial engine": round(serial, 1),
        "seconds of the runner": round(seconds, 1),
        "jobs": journal.jobs,
        "files": len(one),
        "files that differ": sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name)),
    }


@click.command()
@click.argument("run_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--runner", default="FnApiRunner", show_default=True)
@click.option("--options", default="{}", help="Beam's options, as YAML.")
@click.option("--out", help="Folder or URL that this machine and the workers reach; it must not exist.")
@click.option("--json", "as_json", is_flag=True)
def main(run_file: Path | None, runner: str, options: str, out: str | None, as_json: bool) -> None:
    """Compare RUN_FILE's dataset, or that of a small corpus, by a Beam runner with that of the serial engine."""
    engine = {"kind": "beam", "runner": runner, "options": yaml.safe_load(options)}
    with tempfile.TemporaryDirectory() as scratch:
        found = compare(run_file, engine, out or f"{scratch}/out", Path(scratch))
    found |= {"runner": runner, "machine": machine()}
    click.echo(json.dumps(found, indent=1) if as_json else yaml.safe_dump(found, sort_keys=False, allow_unicode=True))
    if found["files that differ"] or len(found["jobs"]) > MOST_JOBS:
        sys.exit(1)


if __name__ == "__main__":
    main()
