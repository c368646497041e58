"""The lines of the log of kills, one a try, to which every run of the benchmark adds; and their sums."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .json_log import Line

SAME = "same bytes"


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
