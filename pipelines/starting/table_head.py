"""The first rows of a table that may name files: CSV and its relatives, JSON lines, JSON lists, Parquet."""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from ..sources.json_list import NoList, list_items, list_keys
from ..sources.streams import Broken, ByteStream
from ..sources.text_blocks import MARKS
from .listing import extension

ROWS = 50  # rows that are looked at
HEAD = 1 << 18  # bytes of a text table that are looked at
COCO = {"table": "images", "on": "image_id = id"}
DELIMITERS = ",\t|;"
LONGEST_NAME, MOST_WORDS = 60, 6  # characters and words of the name of a column
LONGEST_ROW = 1 << 20  # bytes of a record in a JSON document


@dataclass(frozen=True)
class TableHead:
    """Columns of a table with their first values, and the keys of a source that its format needs."""

    format: str  # "csv", "lines" (JSON lines), "json", "parquet"
    columns: Mapping[str, Sequence[Any]]
    keys: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, pa.DataType] = field(default_factory=dict)  # of Parquet


def table_head(url: str, names: frozenset[str]) -> TableHead | None:
    """Look at the first rows of a file.

    Args:
        url: The file.
        names: Names of media files and their stems, without folders, by which a line of data is told from a header.

    Returns:
        None for a file that is no table.
    """
    kind = extension(url)
    if kind == "parquet":
        return _parquet(url)
    try:
        with ByteStream(url) as stream:
            head = stream.read(HEAD)
    except (Broken, OSError):
        return None
    text = next((head.decode(encoding, "replace") for mark, encoding in MARKS if head.startswith(mark)), None)
    text = (head.decode(errors="replace") if text is None else text).lstrip("\ufeff")
    lines = text.splitlines() if len(head) < HEAD else text.splitlines()[:-1]
    lines = [line for line in lines[: ROWS + 1] if line.strip()]
    if not lines:
        return None
    if kind in ("json", "jsonl"):
        if len(lines) == 1 and (found := _document(url)) and (kind == "json" or "records" not in found.keys):
            return found
        rows = [_object(line) for line in lines]
        if all(row is not None for row in rows[:-1]) and rows[0] is not None:
            return TableHead("lines", _columns([row for row in rows if row is not None]))
        return _document(url)
    return text_table(lines, kind, names)


def text_table(lines: Sequence[str], kind: str, names: frozenset[str]) -> TableHead | None:
    """Find delimiter, quoting and header of the first lines of a text table; None when the lines are no table."""
    if kind == "txt":
        found = first_space(lines, names)
        if found:
            return found
    delimiter = delimiter_of(lines, kind)
    if delimiter is None:
        return None
    quoted = delimiter in ",;" and '"' in "".join(lines)
    rows = _fields(lines, delimiter, quoted)
    header = rows[0]
    keys: dict[str, Any] = {}
    if delimiter != {"tsv": "\t"}.get(kind, ","):
        keys["delimiter"] = delimiter
    if not quoted and kind != "tsv" and delimiter not in ",;":
        keys["quoting"] = "none"
    if not is_header(header, names):
        header = names_of_fields(header, names)
        keys["columns"] = header
    else:
        rows = rows[1:]
    whole = [row for row in rows if len(row) == len(header)]
    return TableHead("csv", {name: [row[at] for row in whole] for at, name in enumerate(header)}, keys)


def delimiter_of(lines: Sequence[str], kind: str) -> str | None:
    """Return the character that divides the lines into the same number of fields, two at least; None if none does."""
    scores = []
    for delimiter in DELIMITERS:
        counts = Counter(map(len, _fields(lines, delimiter, quoted=delimiter in ",;")))
        width, often = counts.most_common(1)[0]
        if width > 1 and often >= 0.9 * sum(counts.values()):
            scores.append((often, delimiter == {"tsv": "\t"}.get(kind, ","), width, delimiter))
    return max(scores)[-1] if scores else None


def _fields(lines: Sequence[str], delimiter: str, quoted: bool) -> list[list[str]]:
    return list(csv.reader(lines, delimiter=delimiter)) if quoted else [line.split(delimiter) for line in lines]


def first_space(lines: Sequence[str], names: frozenset[str]) -> TableHead | None:
    """Read lines of a name and a text, with a space between (LibriSpeech, Kaldi), if the names are those of files."""
    pairs = [line.split(" ", 1) for line in lines if " " in line]
    if len(pairs) < len(lines) or not all(pair[0].rpartition("/")[2] in names for pair in pairs):
        return None
    columns = {"file": [pair[0] for pair in pairs], "text": [pair[1] for pair in pairs]}
    return TableHead("csv", columns, {"delimiter": "first_space", "columns": list(columns)})


def is_header(fields: Sequence[str], names: frozenset[str]) -> bool:
    """True unless a field of the first line is the name of a file, or a text longer than a name of a column."""
    texts = (len(value) > LONGEST_NAME or len(value.split()) > MOST_WORDS for value in fields)
    return not any(texts) and not any(value.rpartition("/")[2] in names for value in fields)


def names_of_fields(fields: Sequence[str], names: frozenset[str]) -> list[str]:
    """Name the columns of a table without a header by what its first line holds: file, text, or other things."""
    kinds = [
        "file" if value.rpartition("/")[2] in names else "text" if " " in value.strip() else "other" for value in fields
    ]
    counts = Counter(kinds)
    return [kind if counts[kind] == 1 else f"{kind}_{kinds[: at + 1].count(kind)}" for at, kind in enumerate(kinds)]


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _document(url: str) -> TableHead | None:
    """Look at a JSON document: a list of records, or an object with lists of records; None for any other."""
    try:
        return TableHead("json", _columns(rows)) if (rows := _items(url, None, ROWS)) else None
    except NoList:
        pass
    try:
        with ByteStream(url) as stream:
            keys = list_keys(stream.blocks(), LONGEST_ROW)
    except Broken:
        return None
    if {"images", "annotations"} <= set(keys):
        return coco(_items(url, "images", None), _items(url, "annotations", ROWS))
    tables = {key: rows for key in keys if (rows := _items(url, key, ROWS))}
    if not tables:
        return None
    key = max(tables, key=lambda name: len(tables[name]))
    return TableHead("json", _columns(tables[key]), {"records": key})


def _items(url: str, key: str | None, most: int | None) -> list[dict[str, Any]]:
    """Return the first objects of a list in a JSON file, all of them if `most` is None; raises NoList."""
    rows: list[dict[str, Any]] = []
    with ByteStream(url) as stream, suppress(Broken):
        for item in islice(list_items(stream.blocks(), key, LONGEST_ROW), most):
            row = _object(item.decode(errors="replace")) if item else None
            rows += [] if row is None else [row]
    return rows


def coco(images: Sequence[dict[str, Any]], notes: Sequence[dict[str, Any]]) -> TableHead:
    """Join the images of a COCO file to its annotations."""
    by_id = {image.get("id"): image for image in images}
    rows = [by_id.get(note.get("image_id"), {}) | note for note in notes]
    return TableHead("json", _columns(rows), {"records": "annotations", "join": COCO})


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _parquet(url: str) -> TableHead | None:
    try:
        with fsspec.open(url, "rb") as file, pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False) as parquet:
            schema = parquet.schema_arrow
            batch = next(parquet.iter_batches(ROWS, use_threads=False), None)
    except (pa.ArrowException, OSError):
        return None
    columns = {} if batch is None else {name: batch.column(at).to_pylist() for at, name in enumerate(schema.names)}
    return TableHead("parquet", columns or dict.fromkeys(schema.names, ()), {}, {f.name: f.type for f in schema})
