"""The log of kills, a line of JSON a try, to which every run of the benchmark adds; and its sums."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SAME = "same bytes"

Line = dict[str, Any]


def read(log: Path) -> list[Line]:
    """Lines of a log; none of one that does not exist yet."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def append(log: Path, lines: Sequence[Line]) -> None:
    """Add lines at the end."""
    with log.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def next_number(lines: Sequence[Line]) -> int:
    """The number behind the last one."""
    return max((line["number"] for line in lines), default=0) + 1


def sums(lines: Sequence[Line]) -> dict[str, Any]:
    """Kills, by engine and by action; a try whose command ended before its kill counts as none."""
    kills = [line for line in lines if line["killed"]]
    return {
        "kills": len(kills),
        "ended_before": len(lines) - len(kills),
        "by_engine": dict(sorted(Counter(line["engine"].split()[0] for line in kills).items())),
        "by_action": dict(sorted(Counter(line["action"] for line in kills).items())),
        "stories": len({line["story"] for line in lines}),
        "mismatches": [line["number"] for line in lines if line["outcome"] != SAME],
        "partitions_redone": sum(line["partitions_redone"] for line in lines),
        "seconds": round(sum(line["seconds"] for line in lines)),
    }


def summary(sums: dict[str, Any]) -> str:
    """The sums in a few lines."""
    engines, actions = (", ".join(f"{name} {n}" for name, n in sums[key].items()) for key in ("by_engine", "by_action"))
    numbers = ", ".join(map(str, sums["mismatches"]))
    return (
        f"{sums['kills']} kills in {sums['stories']} stories ({sums['ended_before']} tries ended before their kill)\n"
        f"by engine: {engines}\nby action: {actions}\n"
        + (f"other bytes or a failure after: {numbers}\n" if numbers else "the same bytes each time\n")
        + f"{sums['partitions_redone']} committed partitions computed again"
    )
