"""Writes a dataset in the format of another library."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from ...schemas.dataset.reader import Dataset
from ...schemas.errors import Refusal
from ...schemas.storage.new_folder import new_folder
from .megatron import export_megatron
from .require_takedowns import require_takedowns
from .row_samples import export_mds, export_webdataset
from .row_tables import export_hf, export_parquet

Layout = Literal["hf", "parquet", "webdataset", "mds", "megatron"]
LAYOUTS: Mapping[Layout, Callable[[Dataset, Path], None]] = {
    "hf": export_hf,
    "parquet": export_parquet,
    "webdataset": export_webdataset,
    "mds": export_mds,
    "megatron": export_megatron,
}


def export(url: str, layout: Layout, out: str) -> Dataset:
    """Export a dataset.

    Args:
        url: The dataset.
        layout: Format of the export.
        out: The folder to write, which must not exist; it appears when everything is written.

    Returns:
        The dataset.

    Raises:
        Refusal: There is no dataset, it is damaged or without rows, or the folder exists.
    """
    dataset = Dataset(url)
    with new_folder(out) as folder:
        if not dataset.rows:
            raise Refusal(f"{dataset.where}: has no rows to export. Prepare it from other data.")
        require_takedowns(dataset)
        LAYOUTS[layout](dataset, folder)
    return dataset
