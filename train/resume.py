"""What may change when a run is resumed.

Keys that say how work is done and shown may always change. Keys that change what is learned from here on may change
with `--change`; the run's record keeps them, with the step. Every other key is that of the run.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..schemas.config.training import TrainConfig
from ..schemas.errors import Refusal
from .run_record import RUN, Change, RunRecord, TrainedOn

FREE = (
    "out",
    "log",
    "log_every",
    "checkpoint",
    "validation",
    "samples",
    "control",
    "compute",
    "data.workers",
    "data.cache",
    "data.cache_bytes",
    "data.allow_overlap",
    "on_breakdown",
    "max_rollbacks",
)
FIXED = ("optimizer.kind",)  # the state of one optimizer is none of another
ON_REQUEST = ("steps", "optimizer", "data.batch_tokens", "data.datasets", "data.validation")


def as_begun(config: TrainConfig, folder: Path) -> TrainConfig:
    """The train file as the version meant it that began the run in a folder, where the file leaves keys out.

    If a key that the file leaves out has the meaning of versions without it in the run's record, then it keeps that
    meaning, and with it the other keys that its block leaves out keep their values: the run goes on as it was.
    """
    if not (folder / RUN).exists():
        return config
    try:
        before = RunRecord.read(folder).training
    except ValidationError:
        return config  # `changed_keys` names the key that this version does not know
    blocks = {}
    for name in ("model", "objective", "optimizer"):
        now, was = getattr(config, name), getattr(before, name)
        if type(now) is not type(was):
            continue
        left_out = type(now).model_fields.keys() - now.model_fields_set
        meanings = {key: value for key, value in now.meanings_of_before().items() if key in left_out}
        if any(getattr(was, key) == value for key, value in meanings.items()):
            blocks[name] = now.model_copy(update={key: getattr(was, key) for key in left_out})
    return config.model_copy(update=blocks)


def changed_keys(record: RunRecord, config: TrainConfig, where: Path, step: int) -> dict[str, tuple[Any, Any]]:
    """Keys of the train file that differ from those of the run, without those that may always change.

    Keys that the version that wrote the record did not have are taken as that version meant them.

    Args:
        record: Record of the run.
        config: The train file now.
        where: Path of the record, for messages.
        step: Step from which the run goes on; what was changed later does not hold there.

    Returns:
        Key -> values before and now.
    """
    try:
        before = record.training
    except ValidationError as error:
        key = ".".join(map(str, error.errors(include_url=False)[0]["loc"]))
        raise Refusal(f"{where}: this folder holds a run with `{key}`, which this version does not know.") from None
    left, right = (_leaves(each.model_dump(mode="json")) for each in (before, config))
    left |= {key: was for key, (was, _) in _undone(record, step) if " " not in key}
    differing = {key for key in left.keys() | right.keys() if left.get(key) != right.get(key)}
    return {
        key: (left.get(key), right.get(key))
        for key in sorted(differing)
        if not _below(key, FREE) and not (key.startswith("data.datasets.") and key.endswith(".path"))
    }


def changed_datasets(record: RunRecord, now: Sequence[TrainedOn], step: int) -> dict[str, tuple[str, str]]:
    """Datasets that are not those of the run at a step, whatever their paths: key -> fingerprints before and now."""
    before = [each.fingerprint for each in record.trained_on]
    for key, (was, then) in _undone(record, step):
        if key.startswith("data.datasets ("):
            before = [was if each == then else each for each in before]
    if len(before) != len(now):
        return {}  # the list of the mix differs, which is a changed key
    pairs = enumerate(zip(before, now, strict=True))
    return {f"data.datasets ({new.path})": (old, new.fingerprint) for at, (old, new) in pairs if old != new.fingerprint}


def require_allowed(keys: dict[str, tuple[Any, Any]], change: bool, where: Path) -> None:
    """Raise Refusal for changes that are not allowed, or only with `--change`."""
    for key, (was, now) in keys.items():
        said = f"{where}: this folder holds a run with `{key}: {json.dumps(was)}`, and now it is {json.dumps(now)}."
        if _below(key, FIXED) or not _below(key, ON_REQUEST):
            raise Refusal(f"{said} Give the run another `out`, or set the key back to go on with what is there.")
        if not change:
            raise Refusal(
                f"{said} Set it back, or give the run another `out`, or add `--change` to go on with the new value; "
                "the run's record then says from which step it holds."
            )


def with_changes(record: RunRecord, keys: dict[str, tuple[Any, Any]], step: int) -> tuple[Change, ...]:
    """The history of a run that is resumed at `step`; changes that were made later are undone."""
    kept = tuple(each for each in record.changes if each.step <= step)
    return (*kept, Change(step=step, keys=keys)) if keys else kept


def _undone(record: RunRecord, step: int) -> list[tuple[str, tuple[Any, Any]]]:
    """Changes after a step, the last one first."""
    later = [each for each in record.changes if each.step > step]
    return [item for each in reversed(later) for item in each.keys.items()]


def _below(key: str, keys: Sequence[str]) -> bool:
    return any(key == each or key.startswith((f"{each}.", f"{each} ")) for each in keys)


def _leaves(tree: Any, path: str = "") -> dict[str, Any]:
    if isinstance(tree, list) and tree and all(isinstance(part, dict) for part in tree):
        tree = dict(enumerate(tree))
    if isinstance(tree, dict) and tree:
        return {key: leaf for name, part in tree.items() for key, leaf in _leaves(part, f"{path}.{name}").items()}
    return {path.lstrip("."): tree}
