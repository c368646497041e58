"""Kept columns are read back by name."""

import pyarrow as pa

from triptych.schemas.dataset.kept import kept_of, kept_texts


def test_rows_of_datasets_that_keep_nothing_have_no_columns() -> None:
    assert kept_of({"id": b""}) == kept_of({"kept": None}) == {}
    assert kept_of({"kept": '{"a": [1]}'}) == {"a": [1]}


def test_a_column_as_texts() -> None:
    kept = pa.array(['{"a": "x", "b": 1}', None, '{"a": null, "b": [1, "é"]}'])
    assert kept_texts(kept, "a").to_pylist() == ["x", None, None]
    assert kept_texts(kept, "b").to_pylist() == ["1", None, '[1, "é"]']
