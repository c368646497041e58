"""Checks the CSV files of `datasets` for what pandas reads without an error, but not as it was meant.

A quote that is not closed takes the rows after it into one field, and a first row with more fields than the header has
names moves every value to the next column: https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html, under
`index_col`.
"""

import warnings
from collections.abc import Iterator
from itertools import chain, dropwhile
from typing import Any, Final

from ...schemas.errors import Refusal
from .batches import LONGEST_ROW
from .delimited_table import DelimitedTable, Dialect, UnevenRow
from .files import printable
from .metadata_table import table_lines
from .streams import Broken, ByteStream

# said of rows that end in a delimiter, which are read right
warnings.filterwarnings("ignore", message="Length of header or names does not match")
ADVICE: Final = "Close the quote, or double each quote within a field."


def with_checked_rows(builder: Any) -> None:
    """Make a `datasets` builder of CSV files check each file that is on a local disk before it reads it."""
    generate = builder._generate_tables

    def generate_tables(base_files: Any, files_iterables: Any) -> Iterator[Any]:
        for files in files_iterables:
            for file in files:
                if "://" not in str(file).rpartition("::")[2]:  # of files that are streamed, only the head is read
                    require_one_row_a_record(str(file), builder.config.sep)
        yield from generate(base_files, files_iterables)

    builder._generate_tables = generate_tables


def require_one_row_a_record(file: str, delimiter: str = ",") -> None:
    """Raise Refusal where rows of a CSV file would be merged, or their values moved to other columns."""
    if len(delimiter) != 1:
        return
    where = file.rpartition("/")[2]
    try:
        with ByteStream(file) as stream:
            lines = dropwhile(_is_blank, table_lines(stream.blocks(), "csv", LONGEST_ROW))
            first = next(lines, None)
            if first is None:
                return
            table = DelimitedTable(chain([first], lines), Dialect(delimiter, True, few=1, advice=ADVICE), where, None)
            for item in table.records(LONGEST_ROW):
                if isinstance(item, UnevenRow) and item.fields > len(table.columns):
                    raise Refusal(
                        f"{printable(where)}, row {item.row}: {item.detail}. Give every column a name in the first "
                        "line, or enclose the texts that hold a delimiter in quotes."
                    )
    except Broken:  # datasets says more of it
        return


def _is_blank(line: bytes | None) -> bool:
    return line is not None and not line.strip()
