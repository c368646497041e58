"""The first rows of a folder that `save_to_disk` of the datasets library wrote."""

from typing import Any

from ...schemas.errors import Refusal

ROWS = 20  # rows that are looked at


def saved_columns(path: str) -> tuple[dict[str, list[Any]], str | None]:
    """Look at a saved dataset.

    Returns:
        First values by column, media undecoded; and the split to read, None for a dataset without splits.

    Raises:
        Refusal: The folder cannot be loaded.
    """
    import datasets

    try:
        found = datasets.load_from_disk(path)
    except Exception as error:  # as in sources.huggingface: anything may be raised
        raise Refusal(
            f"{path}: looks like a saved dataset, but datasets cannot load it ({error}). Save it again."
        ) from None
    split = None
    if isinstance(found, datasets.DatasetDict):
        split = "train" if "train" in found else next(iter(found))
        found = found[split]
    rows = found.with_format("arrow")[: min(ROWS, len(found))]
    return {name: rows[name].to_pylist() for name in rows.column_names}, split
