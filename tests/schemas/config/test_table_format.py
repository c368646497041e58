"""Keys of a text table that cannot be meant are refused with what to do."""

import pytest

from triptych.schemas.config.table_format import check_table_format


@pytest.mark.parametrize(
    ("delimiter", "quoting", "columns"),
    [
        (None, None, None),
        ("|", "none", ("a", "b")),
        ("\t", "csv", None),
        (";", None, ("a",)),
        ("first_space", "none", ("file", "text")),
    ],
)
def test_possible(delimiter: str | None, quoting: str | None, columns: tuple[str, ...] | None) -> None:
    check_table_format(delimiter, quoting, columns)


@pytest.mark.parametrize(
    ("delimiter", "quoting", "columns", "problem"),
    [
        ("||", None, None, "one character"),
        ("", None, None, "one character"),
        ('"', None, None, "one character"),
        ("\n", None, None, "one character"),
        ("\0", None, None, "one character"),
        ("first_space", None, None, "two names"),
        ("first_space", None, ("a", "b", "c"), "two names"),
        ("first_space", "csv", ("a", "b"), "no quotes"),
        (None, None, ("a", "b", "a"), "'a' twice"),
    ],
)
def test_impossible(delimiter: str | None, quoting: str | None, columns: tuple[str, ...] | None, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_table_format(delimiter, quoting, columns)
