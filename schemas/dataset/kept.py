"""Reads the columns that a run keeps: the field `kept` of segments and dropped rows, a JSON object a row."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ..identity import parse_json


def kept_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the kept columns of a segment or a dropped row by name; empty where the dataset keeps none."""
    return _columns(row.get("kept"))


def kept_texts(kept: pa.Array | pa.ChunkedArray, column: str) -> pa.Array:
    """Return the values of one kept column as texts, null where there is none; values other than strings as JSON.

    Args:
        kept: The field `kept` of many rows.
        column: Name of the column.
    """
    values = [_columns(text).get(column) for text in kept.to_pylist()]
    texts = [each if each is None or isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in values]
    return pa.array(texts, pa.string())


def _columns(text: str | None) -> dict[str, Any]:
    """The columns of a row; none if the text is not what a run writes."""
    try:
        found = parse_json(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
