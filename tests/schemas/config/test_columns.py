"""Columns that are carried along are told from texts and media, whatever their names."""

import pytest

from triptych.schemas.config.columns import column_field, is_column


@pytest.mark.parametrize("name", ["url", "text", "image", "column.x", ""])
def test_a_carried_column_is_never_taken_for_a_field(name: str) -> None:
    assert is_column(column_field(name))
    assert column_field(name) not in ("text", "image", "audio", "license", "row", "id")
    assert is_column(name) is name.startswith("column.")


def test_different_columns_have_different_fields() -> None:
    assert len({column_field(name) for name in ("a", "A", "column.a", "column.column.a")}) == 4
