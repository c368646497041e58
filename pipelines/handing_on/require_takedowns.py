"""Refuses to hand on documents that were taken down, as after a takedown that was interrupted."""

from ...schemas.dataset.reader import Dataset
from ...schemas.dataset.segment_tables import SegmentTables
from ...schemas.errors import Refusal
from ...schemas.storage.store import Store
from ..filters.taken_down import TAKEN_DOWN, id_array, taken_down
from ..takedown.rewrite import ids_among


def require_takedowns(dataset: Dataset, ids: list[str] | None = None) -> None:
    """Check that no segment of the dataset is of a document that was taken down.

    Args:
        dataset: The dataset.
        ids: The documents that were taken down, in hexadecimal; by default those that the dataset lists.

    Raises:
        Refusal: There is such a segment.
    """
    listed = taken_down(Store(dataset.url)) if ids is None else ids
    if not listed:
        return
    wanted, tables = id_array(listed), SegmentTables(dataset)
    for number, entry in enumerate(dataset.manifest.shards):
        found = ids_among(tables.of(number).flatten().field("id"), wanted)
        if len(found):
            raise Refusal(
                f"{dataset.where}/{entry.file}: holds document {found[0].as_py().hex()}, which was taken down. Write "
                f"the ids of {TAKEN_DOWN} to a file and run `triptych takedown {dataset.where} --ids FILE` first.",
                exit_code=1,
            )
