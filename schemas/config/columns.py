"""Names of the fields in which a reader returns columns that are carried along or filtered, beside text and media."""

COLUMN = "column."  # before the name of the column


def column_field(column: str) -> str:
    """Return the name of the field that holds a column of the source."""
    return COLUMN + column


def is_column(field: str) -> bool:
    """True if a field holds a column that is carried along or filtered, as JSON texts."""
    return field.startswith(COLUMN)
