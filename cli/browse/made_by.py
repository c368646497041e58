"""How a dataset was made: the command, the engine, and the time of each step, from `run.json` beside its manifest."""

import shlex
from typing import Any

from ...schemas.dataset.manifest import RUN_REPORT
from ...schemas.identity import unseal
from .items import Item


def made_by(item: Item) -> dict[str, Any] | None:
    """Read the report of a preparation; None where a dataset was handed on without it."""
    dataset = item.dataset
    try:
        report: dict[str, Any] = unseal(dataset.fs.cat_file(f"{dataset.root}/{RUN_REPORT}"))
    except (FileNotFoundError, ValueError):
        return None
    out = report.get("config", {}).get("out", item.where)
    return report | {"command": shlex.join(["triptych", "prepare", "run.yaml", "--set", f"out={out}"])}
