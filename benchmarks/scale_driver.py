"""Memory and CPU time of the driver, by the number of partitions, with near-duplicate texts found and dropped.

Run by `python -m benchmarks.scale`, each size in a process of its own.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from triptych.pipelines.dedup.deduplicate import deduplicate, rounds
from triptych.pipelines.engines.journal import Journal, peak_memory
from triptych.pipelines.engines.partition import Outcome, Partition
from triptych.pipelines.engines.stage import part_name
from triptych.pipelines.engines.steps import Given, Map, Shuffle, Step
from triptych.pipelines.pack.packed import PackedStatistics, statistics_note
from triptych.pipelines.pack.windows import windows
from triptych.schemas.config.run import RunConfig
from triptych.schemas.dataset.statistics import SourceStatistics, Statistics
from triptych.schemas.identity import fingerprint

from .simulated_walk import Notes, Nowhere, SimulatedWalk, part_of

PARTITION_TOKENS = 8_400_000  # 32 MiB of text at 4 bytes a token
SHARD_TOKENS = 128_000_000 / 7
ROWS = 8000  # documents of a partition, of 4 KB
SHARD = {"file": f"shards/{'0' * 24}.arrow", "bytes": 1 << 27, "xxh3": "0" * 32, "group": "text", "rows": 4464}


@dataclass(frozen=True)
class Named:
    """A stage that is never run."""

    name: str
    counted: bool = True

    def identity(self) -> list[Any]:
        """Nothing but the name."""
        return []

    def run(self, table: Any) -> Outcome:
        """Never called."""
        raise NotImplementedError


def notes() -> Notes:
    """What the stages note; the statistics are those of a shard with a vocabulary of 32,000."""
    source = SourceStatistics(kind="text", samples=ROWS, segments=ROWS, lengths=dict.fromkeys(range(1, 2000), 4))
    codes = {"text": dict.fromkeys(range(32_000), 500)}
    statistics = Statistics(rows=4464, filled=18_000_000, sources={"docs": source}, codebooks=codes)
    text = {"text_bytes": 32 << 20, "kept": ROWS, "mask": "0" * 32}
    return Notes(
        ROWS,
        {
            "dedup-text": text,
            "text": {"tokens": PARTITION_TOKENS},
            "pack": {"shard": SHARD | {"tokens": {"text": 18_000_000}}, **statistics_note(statistics)},
        },
    )


def drive(count: int) -> dict[str, float]:
    """Deduplicate, encode and pack so many partitions; returns MB, CPU seconds, tasks and results."""
    source = {"name": "docs", "kind": "jsonl", "path": "docs", "text": "text"}
    config = RunConfig.model_validate(
        {"name": "run", "out": "out", "sources": [source], "dedup": {"text": {"near": {"threshold": 0.8}}}}
    )
    raw = [part_of(part_name("read", fingerprint(n)), {"text_bytes": 32 << 20}, ROWS) for n in range(count)]
    walked = _Walked(notes())
    ((this, sources),) = rounds(config.sources, config.dedup)[0].items()
    steps = deduplicate(Nowhere("nowhere"), this, sources, {"docs": raw}, config.dedup, config.limits)
    before, start = peak_memory(), time.process_time()
    found = walked.walk([steps.duplicates, *steps.left.values()])
    (left,) = (found[step] for step in steps.left.values())
    of_dedup = peak_memory()
    encode = Map(Named("text"), Given(left))
    encoded = walked.walk([encode])[encode]
    packed, statistics = [], PackedStatistics()
    for window in windows(encoded, 4 * SHARD_TOKENS):
        into = round(len(window) * PARTITION_TOKENS / SHARD_TOKENS)
        packed.append(Map(Named("pack"), Shuffle((Given(window),), "id", into), notes=statistics))
    shards = sum(len(parts) for parts in walked.walk(packed).values())
    return {
        "partitions": count,
        "shards": shards,
        "MB of imports": before / 1e6,
        "MB after deduplication": of_dedup / 1e6,
        "MB": peak_memory() / 1e6,
        "CPU seconds": time.process_time() - start,
        "tasks": walked.tasks,
        "results": walked.results,
    }


class _Walked:
    def __init__(self, made: Notes) -> None:
        self._notes, self._journal = made, Journal()
        self.tasks = self.results = 0

    def walk(self, wanted: Sequence[Step]) -> dict[Step, list[Partition]]:
        walk = SimulatedWalk(wanted, self._notes, self._journal)
        found = walk.run()
        self.tasks += walk.tasks
        self.results += walk.partitions
        return found


def measure_driver(count: int) -> dict[str, float]:
    """`drive` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale_driver", str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(drive(int(sys.argv[1]))))
