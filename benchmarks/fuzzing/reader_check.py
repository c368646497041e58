"""Reads one input by Triptych's reader and compares what comes out with what a plain reader counts."""

import random
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from triptych.pipelines.sources.base import Reader
from triptych.pipelines.sources.registry import open_source
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import Source
from triptych.schemas.errors import Refusal

from .plain_readers import BAD, COUNTERS, UNKNOWN, Plain
from .reader_inputs import MAKERS, Input

SMALL, LARGE = 600, 32 << 20  # bytes of partitions; what a reader yields may not depend on them
# pyarrow finds a column by its place, and does not look at the name that its chunk has in the footer
CHUNK_NAME = re.compile("not those of the schema|codec can't decode")
REASON = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")


class Line(NamedTuple):
    """A row, or a dropped one: its place, and its values or its reason."""

    file: str
    row: int
    values: Any
    reason: str


def input_of(reader: str, seed: int, number: int) -> Input:
    """Make an input; the same number gives the same."""
    return MAKERS[reader](random.Random(f"{seed} {reader} {number}"))


def check_input(reader: str, seed: int, number: int, folder: Path) -> tuple[str, str | None]:
    """Write an input into `folder`, read it, and compare.

    Returns:
        How it ended: `rows`, `drops` (some or all of its rows), `rest` (its damaged end was dropped) or `refusal`; and
        what is wrong with that.
    """
    made = input_of(reader, seed, number)
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in made.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    plain = COUNTERS[reader](made)
    try:
        lines = _read(_open(made, folder, LARGE))
    except Refusal as refusal:
        return "refusal", _refused(refusal)
    try:
        others = _read(_open(made, folder, SMALL))
    except Refusal as refusal:
        return "refusal", f"only in small partitions: {refusal}"
    # in a damaged Parquet file, the row groups after the damage are read where they are units of their own
    whole = reader != "parquet" or all(line.row >= 0 for line in (*lines, *others))
    if whole and [line for line in lines if line.row >= 0] != [line for line in others if line.row >= 0]:
        return "rows", f"small partitions give other rows: {_difference(lines, others)}"
    end = "rest" if any(line.row < 0 for line in lines) else "drops" if any(line.reason for line in lines) else "rows"
    return end, _compare(reader, made, lines, plain)


def _open(made: Input, folder: Path, budget: int) -> Reader:
    source = {"name": "src", "path": f"{folder}/{made.path}".rstrip("/"), **made.source}
    return open_source(TypeAdapter(Source).validate_python(source), Limits(), budget)


def _refused(refusal: Refusal) -> str | None:
    text = str(refusal)
    if "\n" in text or any(ord(character) < 32 for character in text):
        return f"the message has control characters: {text!r}"
    return None if len(text) < 2000 else f"a message of {len(text)} characters"


def _read(reader: Reader) -> list[Line]:
    lines: list[Line] = []
    for unit in reader.units():
        digest = reader.digest(unit)
        if reader.digest(unit) != digest:
            raise AssertionError("the digest of a unit is another one the second time")
        for batch in reader.read(unit):
            batch.table.validate(full=True)
            names = [name for name in batch.table.column_names if name not in ("row", "file")]
            for row in batch.table.to_pylist():
                lines.append(Line(row.get("file", ""), row["row"], [row[name] for name in names], ""))
            lines += [Line(drop.file, drop.row, drop.detail, drop.reason) for drop in batch.drops]
    return sorted(lines, key=lambda line: (line.file, line.row))


def _difference(lines: list[Line], others: list[Line]) -> str:
    for mine, other in zip(lines, others, strict=False):
        if mine != other:
            return f"{str(mine)[:150]} and {str(other)[:150]}"
    return f"{len(lines)} and {len(others)}"


def _compare(reader: str, made: Input, lines: list[Line], plain: Plain) -> str | None:
    for line in lines:
        if line.reason and (not REASON.fullmatch(line.reason) or len(line.values) > 300):
            return f"a drop that no ledger takes: {line}"
    if reader == "files":
        names = {name: number for number, name in enumerate(sorted(made.files))}
        if any(line.file not in names for line in lines):
            return f"files that do not exist: {[line.file for line in lines]}"
        lines = [line._replace(row=names[line.file]) for line in lines]
    twice = [row for row, count in Counter(line.row for line in lines).items() if count > 1]
    if twice:
        return f"row {twice[0]} is there twice"
    if plain.rows is None:
        return None
    rest = next((line for line in lines if line.row < 0), None)
    if rest is not None and reader == "parquet" and CHUNK_NAME.search(rest.values):
        return None
    if rest is not None:
        return f"dropped as damaged, but a plain reader reads it: {rest.reason} {rest.values}"
    found = {line.row: line for line in lines}
    if reader == "tar" and len(found) == len(plain.rows):
        return None
    if found.keys() != plain.rows.keys():
        return f"rows {sorted(found)}, a plain reader has {sorted(plain.rows)}"
    return next((problem for row, line in found.items() if (problem := _other(line, plain.rows[row]))), None)


def _other(line: Line, expected: Any) -> str | None:
    if expected is UNKNOWN:
        return None
    if expected is BAD:
        return None if line.reason else f"row {line.row} is kept, but a plain reader finds no text in it: {line.values}"
    if line.reason:
        return f"row {line.row} is dropped ({line.reason} {line.values}), but has the text {expected[:80]!r}"
    return None if expected in line.values else f"row {line.row} has {line.values}, not {expected[:80]!r}"
