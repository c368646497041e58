"""The record of a run as it may be handed on: without paths and addresses of the machine that trained it."""

from collections.abc import Mapping
from typing import Any

from ...schemas.config.locations import public_url
from ..run_record import RunRecord


def without_places(record: RunRecord) -> RunRecord:
    """Name datasets and the run by the last part of their paths, and leave out the history of the training."""
    config = dict(record.config)
    data = dict(config["data"])
    data["datasets"] = [dict(entry) | {"path": _name(entry["path"])} for entry in data["datasets"]]
    data.pop("cache", None)
    config |= {"out": _name(config["out"]), "data": data}
    for key in ("samples", "control"):  # of the training, not of the model
        config.pop(key, None)
    config["validation"] = _validation(config.get("validation") or {})
    if config.get("init"):
        config["init"] = dict(config["init"]) | {"from": _name(config["init"]["from"])}
    return record.model_copy(
        update={
            "config": config,
            "trained_on": tuple(each.model_copy(update={"path": _name(each.path)}) for each in record.trained_on),
            "initial": record.initial and record.initial.model_copy(update={"source": _name(record.initial.source)}),
            "changes": (),
            "stretches": (),
        }
    )


def _validation(block: Mapping[str, Any]) -> dict[str, Any]:
    if not block.get("datasets"):
        return dict(block)
    return dict(block) | {"datasets": [_name(path) for path in block["datasets"]]}


def _name(path: str) -> str:
    return public_url(path).rstrip("/").rpartition("/")[2] or "data"
