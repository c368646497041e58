"""What the arguments of `triptych browse` name: finished datasets, preparations in progress, and training runs."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ...pipelines.inspection.browse.browsed import BrowsedDataset
from ...pipelines.inspection.browse.segment_media import SegmentMedia
from ...schemas.dataset.manifest import MANIFEST
from ...schemas.errors import Refusal
from ...schemas.secrets import without_secrets
from ...schemas.storage.store import WORK, Store
from ...train.curves import RunCurves, is_run

Kind = Literal["dataset", "preparation", "run"]


@dataclass(frozen=True)
class Item:
    """One of the arguments."""

    number: int
    path: str
    kind: Kind

    @property
    def where(self) -> str:
        """The path as it is shown."""
        return without_secrets(self.path)

    @property
    def name(self) -> str:
        """A short name for headings and links."""
        return self.dataset.manifest.name if self.kind == "dataset" else self.where.rstrip("/").rpartition("/")[2]

    @cached_property
    def dataset(self) -> BrowsedDataset:
        """The dataset."""
        return BrowsedDataset(self.path)

    @cached_property
    def media(self) -> SegmentMedia:
        """Decoded segments of the dataset."""
        return SegmentMedia(self.dataset)

    @cached_property
    def curves(self) -> RunCurves:
        """Metrics of the run."""
        return RunCurves(Store(self.path))


def find_items(paths: tuple[str, ...]) -> list[Item]:
    """Recognize each path.

    Raises:
        Refusal: One is neither a dataset nor a run.
    """
    items = [Item(number, path.rstrip("/") or path, kind_of(path)) for number, path in enumerate(paths)]
    for item in items:
        if item.kind == "dataset":
            item.dataset.rows  # noqa: B018 a damaged manifest is refused before a page is shown
    return items


def kind_of(path: str) -> Kind:
    """Recognize a path by the files that it holds.

    Raises:
        Refusal: There is no dataset, no preparation and no run.
    """
    store = Store(path.rstrip("/") or path)
    if store.exists(MANIFEST):
        return "dataset"
    if is_run(store):
        return "run"
    if store.names(WORK):
        return "preparation"
    BrowsedDataset(path)  # its refusal says what is there instead
    raise Refusal(f"{without_secrets(path)}: holds neither a dataset nor a training run.")
