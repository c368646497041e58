"""A log of JSON lines, to which a benchmark that may be stopped adds what it has finished."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def read(log: Path) -> list[Line]:
    """Lines of a log; none of one that does not exist yet."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def append(log: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Add lines at the end."""
    with log.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
