"""The keys of a source that say how its table of text lines is divided into fields."""

from typing import Annotated, Final

from pydantic import Field

FIRST_SPACE: Final = "first_space"
UNUSABLE: Final = '"\n\r\0\ufeff'  # characters that cannot divide fields: the quote, and what ends a line or a text

TableColumn = Annotated[str, Field(min_length=1, pattern=r"^\S(.*\S)?$")]


def check_table_format(delimiter: str | None, quoting: str | None, columns: tuple[str, ...] | None) -> None:
    """Check keys that depend on each other.

    Args:
        delimiter: One character, `first_space`, or None for the default.
        quoting: `none`, `csv`, or None for the default.
        columns: Names of the columns of a table without a header line.

    Raises:
        ValueError: A key has an impossible value, or two do not fit together.
    """
    if delimiter is not None and delimiter != FIRST_SPACE and (len(delimiter) != 1 or delimiter in UNUSABLE):
        raise ValueError(f'`delimiter: {delimiter!r}` must be one character, such as "|" or "\\t", or `first_space`')
    if delimiter == FIRST_SPACE and (columns is None or len(columns) != 2):
        raise ValueError("`delimiter: first_space` needs `columns:` with two names, such as `[file, text]`")
    if delimiter == FIRST_SPACE and quoting == "csv":
        raise ValueError("`delimiter: first_space` has no quotes; remove `quoting: csv`")
    twice = sorted({name for name in columns or () if (columns or ()).count(name) > 1})
    if twice:
        raise ValueError(f"`columns` names {twice[0]!r} twice; give each column a name of its own")
