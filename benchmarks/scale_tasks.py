"""Rows of `benchmarks.scale`: what a task costs the driver and the scheduler of Dask, and a model of many workers.

The model is a simulation by events. Workers take groups of partitions as the engine forms them, the driver is one
server that spends its measured time on each group and each partition, and partitions take their measured time, with a
spread. It has no network: what is transferred between them are references of some hundred bytes.
"""

import heapq
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from triptych.pipelines.engines import groups
from triptych.pipelines.engines.dask import AHEAD, IN_FLIGHT, Dask
from triptych.pipelines.engines.groups import Groups
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.todo import Todo
from triptych.schemas.config.run import DaskEngine
from triptych.schemas.storage.store import Store

from .scale_rows import Row

SHORT = 0.005  # seconds of an item of which many share a task
SPREAD = 0.3  # of the time of a partition: standard deviation over mean
HELD = 2  # tasks that Dask's scheduler gives a worker: one that runs, and one that waits there


@dataclass(frozen=True)
class Costs:
    """CPU seconds of the driver's process, in which the scheduler of a LocalCluster runs too."""

    of_task: float
    of_item: float


def rest(item: float) -> float:
    """Do nothing for some seconds."""
    time.sleep(item)
    return item


def measure_costs(items: int = 1000) -> Costs:
    """Run short items one a task, then in groups."""
    with TemporaryDirectory(prefix="triptych-") as folder:
        engine = Dask(Store(folder), Journal(), DaskEngine(kind="dask", workers=2))
        before = groups.SECONDS
        try:
            _each(engine, 50)
            groups.SECONDS = 0.0  # one item a task
            alone = _each(engine, items // 2)
            groups.SECONDS = before
            together = _each(engine, items)
        finally:
            groups.SECONDS = before
            engine.close()
    return Costs(of_task=alone - together, of_item=together)


def _each(engine: Dask, items: int) -> float:
    start = time.process_time()
    assert len(list(engine.each(rest, Todo([SHORT] * items)))) == items
    return (time.process_time() - start) / items


def speed_up(workers: int, seconds: Sequence[float], costs: Costs) -> float:
    """Return how much faster `workers` are than one process without a cluster, by the model.

    Args:
        workers: Number of workers.
        seconds: Time of each partition.
        costs: Times of the driver.
    """
    todo = Groups(Todo(seconds), lambda _: "text")
    waiting: deque[list[tuple[int, float]]] = deque()
    held: list[deque[list[tuple[int, float]]]] = [deque() for _ in range(workers)]
    ends: list[tuple[float, int]] = []  # of running groups
    in_flight, driver, wanted = 0, 0.0, min(IN_FLIGHT, AHEAD * workers)

    def submit() -> None:
        nonlocal in_flight, driver
        if in_flight > wanted // 2:
            return
        while in_flight < wanted and (group := todo.take(workers)):
            waiting.append(group)
            in_flight += 1
            driver += costs.of_task + costs.of_item * len(group)

    def hand_out() -> None:
        for worker in sorted(range(workers), key=lambda each: len(held[each])):
            while waiting and len(held[worker]) < HELD:
                group = waiting.popleft()
                if not held[worker]:
                    heapq.heappush(ends, (driver + sum(each for _, each in group), worker))
                held[worker].append(group)

    submit()
    hand_out()
    now = 0.0
    while ends:
        now, worker = heapq.heappop(ends)
        driver = max(driver, now)
        for _, took in held[worker].popleft():
            todo.finished("text", took)
        in_flight -= 1
        if held[worker]:
            heapq.heappush(ends, (now + sum(each for _, each in held[worker][0]), worker))
        submit()
        hand_out()
    return sum(seconds) / max(now, driver)


def drawn(count: int, mean: float) -> list[float]:
    """Times of partitions, which vary."""
    draw = random.Random(0)
    return [mean * max(0.2, draw.gauss(1, SPREAD)) for _ in range(count)]


def tasks(costs: Costs, partition_seconds: float) -> list[Row]:
    """Rows of costs and of the model; `partition_seconds` is what a partition of 32 MiB takes."""
    long = min(groups.MOST, max(1, int(groups.SECONDS / partition_seconds)))
    of_long = costs.of_task / long + costs.of_item
    rows = [
        Row("client and scheduler a partition, of 5 ms", "in groups", costs.of_item * 1e3, "CPU ms", "constant", 1),
        Row(
            "client and scheduler a partition, of 32 MiB",
            f"{partition_seconds:.1f} s each, {long} a task",
            of_long * 1e3,
            "CPU ms",
            "constant",
            1,
        ),
    ]
    for workers, least in ((2, 1.85), (64, 55)):
        for count, seconds in ((64 * workers, partition_seconds), (64_000, 0.1)):
            found = speed_up(workers, drawn(count, seconds), costs)
            size = f"{count:,} partitions of {seconds:.1f} s"
            growth = "workers, until the driver is busy"
            rows.append(Row(f"{workers} workers over serial (model)", size, found, "x", growth, least=least))
    return rows
