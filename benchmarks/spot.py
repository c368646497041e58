"""Machines come and go at random while `triptych prepare` runs: workers, hosts and the driver's own; bytes compared.

    python -m benchmarks.spot [--kills 20] [--seed 0] [--hosts 3] [--log FILE] [--json]

A story is one folder. A run is begun by an engine on one machine (serial, Dask or Beam), which is killed with all that
runs on it. A Dask cluster goes on: workers on several hosts, which are network namespaces where these are allowed.
Every few seconds a worker or all workers of a host get SIGKILL, or a host is cut off and its workers with it, or the
driver is killed; new workers join, on any host. When the run has ended, the dataset must have the bytes of an
undisturbed run on the engine `serial`.

What a kill costs is counted in partitions: committed files of one stage that are written again. At most one may be, a
worker that was lost; a task of several stages writes a file for each. Exit code 1 if it was more, or if bytes differ.
The log has a line a kill, as that of `benchmarks.kills`, which it may go on.
"""

import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from . import hosts, json_log, kill_log
from .dask_processes import Cluster, Command
from .json_log import Line
from .kill_log import SAME
from .kill_story import newest, partitions
from .killing import Engine, Killing, Stamps, committed
from .kills import BACK_ENDS, preload, small_run
from .measure import machine
from .undisturbed import State, Undisturbed, digests

ENGINES: tuple[Engine, ...] = (("serial",), ("dask", "2"), ("beam", "2"))
TTL = 6  # seconds after which a host that is cut off counts as lost
SCHEDULER = {
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{TTL}s",
    # where machines are taken away, a partition that lost several workers is no sign that it kills them
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "20",
}
PAUSES = (2.0, 10.0)  # seconds between two events
MOST_WORKERS = 3
EVENTS = ("worker", "worker", "host", "cut off", "driver")
HANGING = 900.0


class Spot:
    """A Dask cluster whose machines come and go.

    Args:
        folder: For logs.
        names: Names of the hosts.
        draw: Draws events.
    """

    def __init__(self, folder: Path, names: tuple[str, ...], draw: random.Random) -> None:
        self._draw, self._names = draw, names
        self._hosts = None if hosts.missing() else hosts.Hosts(names)
        folder.mkdir()
        self.cluster = Cluster(folder)
        self._workers: list[tuple[str, Command]] = []
        self.cluster.scheduler(SCHEDULER, host=self._hosts.address if self._hosts else "127.0.0.1")

    def add(self) -> None:
        """Start a worker on some host."""
        name = self._draw.choice(self._names)
        where = self._hosts
        prefix, address = (where.prefix(name), where.address_of(name)) if where else ([], "127.0.0.1")
        self._workers.append((name, self.cluster.worker(prefix=prefix, host=address, wait=False)))

    def strike(self, event: str) -> int:
        """Kill a worker, or those of a host; returns how many were lost."""
        name, _ = self._draw.choice(self._workers)
        lost = [each for each in self._workers if event != "worker" and each[0] == name]
        lost = lost or [self._draw.choice(self._workers)]
        cut = event == "cut off" and self._hosts is not None
        if cut and self._hosts:
            self._hosts.cut_off(name)
            time.sleep(TTL + 2)
        for each in lost:
            each[1].kill()
            self._workers.remove(each)
        if cut and self._hosts:
            self._hosts.cut_off(name, False)
        return len(lost)

    @property
    def workers(self) -> int:
        """Number of workers that were started and not killed."""
        return len(self._workers)

    def close(self) -> None:
        """End all processes and hosts."""
        self.cluster.close()
        if self._hosts:
            self._hosts.close()


class SpotStory:
    """One folder, and what was done to it."""

    def __init__(self, runs: Killing, run_file: Path, spot: Spot, out: Path, number: int, seed: int) -> None:
        self._runs, self._run_file, self._spot, self._out = runs, run_file, spot, out
        self._number, self._seed, self._first = number, seed, number
        self._draw = random.Random(f"spot {seed} {number}")
        self.lines: list[Line] = []

    def begin(self, files: int) -> None:
        """Begin on one machine and kill it, when it has changed a random number of about so many files."""
        engine, began = self._draw.choice(ENGINES), time.perf_counter()
        killed = self._runs.kill_at(
            self._runs.prepare(self._out, engine), self._out, self._draw.randint(0, files), self._draw.uniform(0, 0.1)
        )
        self._note(" ".join(engine), "machine", killed, 1, {}, began)

    def go_on(self, kills: int) -> str:
        """Let the cluster finish while it loses machines, at most `kills` times; returns what the driver said last."""
        driver, deadline = self._start(), time.monotonic() + HANGING
        while driver.running() and time.monotonic() < deadline:
            if self._spot.workers < MOST_WORKERS:
                self._spot.add()
            began = time.perf_counter()
            before = committed(self._out)
            self._wait(driver, self._draw.uniform(*PAUSES))
            if not driver.running() or kills <= 0:
                continue
            event = self._draw.choice(EVENTS)
            if event == "driver":
                driver.send(signal.SIGKILL)
                driver.end()
                lost = 1
            else:
                lost = self._spot.strike(event)
            kills -= 1
            self._note("dask cluster", event, True, lost, before, began)
            if event == "driver":
                driver = self._start()
        if driver.running():
            driver.kill()
            return f"hangs: {driver.output[-1000:]}"
        self._count(self.lines[-1])
        return "" if driver.end() == 0 else f"failed: {driver.output[-1000:]}"

    def _start(self) -> Command:
        self._seen = committed(self._out)
        return self._spot.cluster.run_file(self._run_file, "--json", "--set", f"out={self._out}")

    def _wait(self, driver: Command, seconds: float) -> None:
        end = time.monotonic() + seconds
        while driver.running() and time.monotonic() < end:
            time.sleep(0.05)

    def _note(self, engine: str, action: str, killed: bool, lost: int, before: Stamps, began: float) -> None:
        if self.lines:
            self._count(self.lines[-1])
        now = committed(self._out)
        self._seen = now
        self.lines.append(
            {
                "number": self._number,
                "seed": self._seed,
                "story": f"spot-{self._seed}-{self._first}",
                "engine": engine,
                "action": action,
                "step": newest(before, now),
                "killed": killed,
                "workers_lost": lost,
                "partitions": len(partitions(now)),
                "partitions_redone": 0,
                "seconds": round(time.perf_counter() - began, 2),
            }
        )
        self._number += 1

    def _count(self, line: Line) -> None:
        """Count what was written again since the last kill: for each stage apart, since a task writes one of each."""
        now = committed(self._out)
        again = [name for name, stamp in partitions(self._seen).items() if now.get(name) != stamp]
        by_stage = Counter(name.split("/")[1] for name in again)
        line["partitions_redone"] = max(by_stage.values(), default=0)
        self._seen = now


@click.command()
@click.option("--kills", type=click.IntRange(1), default=20, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--hosts", "count", type=click.IntRange(1, 200), default=3, show_default=True)
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Lines are added to this file.")
@click.option("--json", "as_json", is_flag=True)
def main(kills: int, seed: int, count: int, log: Path | None, as_json: bool) -> None:
    """Kill machines at random and compare bytes."""
    before = json_log.read(log) if log else []
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        preload(list(BACK_ENDS))
        run_file = small_run(folder)
        runs = Killing(run_file, (), folder)
        undisturbed = Undisturbed(runs, folder / "undisturbed", ((),), seed)
        expected = undisturbed.prepared(State(()))
        number = kill_log.next_number(before)
        while (left := kills - sum(line["killed"] for line in lines)) > 0:
            found = story(runs, run_file, folder, number, seed, count, left, expected.changes)
            same = digests(folder / f"story-{number}") == expected.digests
            outcome = found[1] or (SAME if same else "other bytes")
            lines += [line | {"outcome": outcome} for line in found[0]]
            click.echo("\n".join(json.dumps(line | {"outcome": outcome}) for line in found[0]), err=True)
            if log:
                json_log.append(log, [line | {"outcome": outcome} for line in found[0]])
            shutil.rmtree(folder / f"story-{number}")
            number = kill_log.next_number([*before, *lines])
    found_sums = kill_log.sums([*before, *lines])
    costly = [line["number"] for line in lines if line["partitions_redone"] > line["workers_lost"]]
    click.echo(
        json.dumps(found_sums | {"more_than_one_lost": costly, "machine": machine()})
        if as_json
        else f"{kill_log.summary(found_sums)}\nmore than one partition lost a worker: {costly or 'never'}"
    )
    if found_sums["mismatches"] or costly:
        sys.exit(1)


def story(
    runs: Killing, run_file: Path, folder: Path, number: int, seed: int, count: int, kills: int, files: int
) -> tuple[list[Line], str]:
    """One story; returns its lines, and what went wrong."""
    names = tuple(f"host{index}" for index in range(count))
    spot = Spot(folder / f"cluster-{number}", names, random.Random(f"events {seed} {number}"))
    try:
        told = SpotStory(runs, run_file, spot, folder / f"story-{number}", number, seed)
        told.begin(files)
        wrong = told.go_on(min(kills - 1, 4))
        return told.lines, wrong
    finally:
        spot.close()


if __name__ == "__main__":
    main()
