"""CSV files that `datasets` reads through pandas: words such as `null` and `NA` are words, not missing texts."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from ...schemas.config.sources import DatasetsSource
from .columns import require_columns_once
from .huggingface_csv_rows import require_one_row_a_record

# what pandas takes for missing by default: https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html
NULLS: Final = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null"),
)
ROWS: Final = 10_000  # of a read, as in `datasets`


def words_as_they_are(source: DatasetsSource, files: Sequence[str], **options: Any) -> dict[str, Any]:
    """Return options of `pandas.read_csv` that read text and licence columns as strings, null where a cell is empty.

    Other columns are read as by default, since their types could change otherwise.

    Args:
        source: The source.
        files: URLs of the CSV files.
        options: Other options that say how the files are divided.

    Raises:
        Refusal: Two columns of a file have the name of one that is needed.
    """
    nulls: dict[str, list[str]] = {}
    for file in files:
        header = _header(file, options)
        require_columns_once(source, header, file.rpartition("/")[2])
        nulls |= {name: list(NULLS) for name in header}
    words = sorted({name for field in ("text", "license") for name in source.fields.get(field, ()) if name in nulls})
    nulls |= {name: [""] for name in words}
    # a row that ends in a delimiter has no row name in front
    return {"na_values": nulls, "keep_default_na": False, "converters": dict.fromkeys(words, str), "index_col": False}


def read_words(source: DatasetsSource, file: str) -> Iterator[pa.Table]:
    """Read a table of media files as `datasets` does, but for the words in its texts."""
    import pandas as pd

    if "://" not in file:
        require_one_row_a_record(file)
    for rows in pd.read_csv(file, iterator=True, chunksize=ROWS, **words_as_they_are(source, [file])):
        if len(rows):
            yield pa.Table.from_pandas(rows)


def _header(file: str, options: dict[str, Any]) -> list[str]:
    import pandas as pd

    try:
        rows = pd.read_csv(file, header=None, nrows=1, dtype=str, keep_default_na=False, **options)
    except pd.errors.EmptyDataError:
        return []
    return [str(name) for name in rows.iloc[0]]
