"""How far a preparation is that still runs, or was interrupted: what each step has committed in the work folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ....schemas.storage.store import WORK, Store
from ...engines.commits import COMMITS
from ...engines.ranges import RANGES
from ...row_list import LISTS

NO_STEPS = (COMMITS, RANGES, LISTS)
RECENT = 60.0  # seconds over which a rate is measured


@dataclass(frozen=True)
class StepProgress:
    """Parts that one step has committed."""

    name: str
    parts: int
    bytes: int
    first: datetime
    last: datetime
    recent: int  # parts of the last RECENT seconds

    @property
    def rate(self) -> float:
        """Parts per second lately."""
        return self.recent / RECENT

    @property
    def seconds(self) -> float:
        """Time from the first part to the last."""
        return (self.last - self.first).total_seconds()


@dataclass(frozen=True)
class Preparation:
    """A preparation in progress."""

    steps: tuple[StepProgress, ...]
    idle: float | None  # seconds since anything was committed


def preparation(store: Store, now: datetime | None = None) -> Preparation:
    """Read the progress of a preparation from the files below its work folder."""
    now = now or datetime.now(UTC)
    found: dict[str, list[tuple[datetime, int]]] = {}
    for path, info in store.fs.find(store.path(WORK), detail=True).items():
        name = path.partition(f"/{WORK}/")[2].split("/")
        if len(name) > 1 and "/".join((WORK, name[0])) not in NO_STEPS:
            found.setdefault(name[0], []).append((_time(info), int(info.get("size") or 0)))
    steps = sorted((_step(name, files, now) for name, files in found.items()), key=lambda step: step.first)
    last = max((step.last for step in steps), default=None)
    return Preparation(tuple(steps), None if last is None else max(0.0, (now - last).total_seconds()))


def _step(name: str, files: Sequence[tuple[datetime, int]], now: datetime) -> StepProgress:
    times = [time for time, _ in files]
    recent = sum((now - time).total_seconds() < RECENT for time in times)
    return StepProgress(name, len(files), sum(size for _, size in files), min(times), max(times), recent)


def _time(info: dict[str, object]) -> datetime:
    """When a file was written, of the local file system or of an object store."""
    time = next((info[name] for name in ("mtime", "LastModified", "last_modified", "updated") if name in info), None)
    if isinstance(time, int | float):
        return datetime.fromtimestamp(time, UTC)
    if isinstance(time, str):
        return datetime.fromisoformat(time).astimezone(UTC)
    return time.astimezone(UTC) if isinstance(time, datetime) else datetime.fromtimestamp(0, UTC)
