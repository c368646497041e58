"""The autoregressive control of a run: found by its name in the train file, or beside the run's folder.

Beside `runs/first`, the control is `runs/first-control` or `runs/control`. It is compared only if it was trained on the
same datasets with the same share held out, since otherwise its bits are those of other documents. Nothing here needs
torch.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..schemas.errors import Refusal
from ..schemas.secrets import without_secrets
from ..schemas.storage.store import Store
from .curves import RunCurves
from .run_record import RunRecord
from .verdict import last_validation


class Control(NamedTuple):
    """Another run that a run is compared to, and its last validation; or why it is not compared."""

    name: str
    line: Mapping[str, Any]
    problem: str = ""


def control_of(path: str, record: RunRecord) -> Control | None:
    """Find the control of a run.

    Args:
        path: Folder or URL of the run.
        record: Its record.

    Returns:
        The control; None if none is named and no folder beside the run is one that can be compared.
    """
    named = record.config.get("control")
    if isinstance(named, str) and named:
        return _compared(named, record)
    for place in _beside(path):
        found = _compared(place, record)
        if not found.problem:
            return found
    return None


def _beside(path: str) -> Iterator[str]:
    above, _, name = path.rstrip("/").rpartition("/")
    yield f"{path.rstrip('/')}-control"
    if name != "control":
        yield f"{above}/control" if above or path.startswith("/") else "control"


def _compared(path: str, record: RunRecord) -> Control:
    name = without_secrets(path)
    try:
        curves = RunCurves(Store(path))
        other, lines = curves.record, curves.lines
    except (OSError, Refusal) as error:
        return Control(name, {}, f"cannot be read ({error})")
    if other is None:
        return Control(name, {}, "is no run of `triptych train`")
    if _part(other, "objective", "kind") != "autoregressive":
        return Control(name, {}, "is not autoregressive")
    ours, theirs = ({each.fingerprint for each in one.trained_on} for one in (record, other))
    if (ours, _part(record, "data", "validation")) != (theirs, _part(other, "data", "validation")):
        return Control(name, {}, "was trained on other datasets, or has other documents held out")
    line = last_validation(lines)
    return Control(name, line or {}, "" if line else "has not been validated yet")


def _part(record: RunRecord, block: str, key: str) -> Any:
    """A value of the train file in a record, which may be someone else's; None where there is none."""
    found = record.config.get(block)
    return found.get(key) if isinstance(found, dict) else None
