"""JSON lines and sources of them, for the tests of their reader."""

import json
from pathlib import Path
from typing import Any


def config(path: Path | str, **more: Any) -> dict[str, Any]:
    return {"kind": "jsonl", "path": str(path), "modality": "text", "text": "text", **more}


def lines_of(count: int) -> bytes:
    return b"".join(json.dumps({"id": n, "text": f"line {n} " * (n % 97)}).encode() + b"\n" for n in range(count))
