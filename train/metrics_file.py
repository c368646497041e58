"""Reads the file of training metrics; without torch, for those who only look at it."""

import json
from pathlib import Path
from typing import Any

FILE = "metrics.jsonl"


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """The metrics of a run, without lines that a kill, a full disk or a power cut left incomplete."""
    path = folder / FILE
    return parse_lines(path.read_bytes()) if path.exists() else []


def parse_lines(data: bytes) -> list[dict[str, Any]]:
    """The lines of the bytes of the file, up to the last line break."""
    lines = data.decode(errors="replace").split("\n")[:-1]
    return [read for line in lines if isinstance(read := _parsed(line), dict) and "step" in read]


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
