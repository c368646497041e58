"""Blocks with bad lines: equal lines are parsed once, and each line becomes what it would alone."""

import json

import pytest

from triptych.pipelines.sources.base import Drop
from triptych.pipelines.sources.json_block import JsonBlocks

FIELDS = {"text": ("text",)}


def parsed(block: bytes, most: int = 100) -> tuple[list[tuple[int, str]], list[Drop]]:
    batches = list(JsonBlocks(FIELDS, 1000, None, most).parse(block, 10))
    rows = [(row["row"], row["text"]) for batch in batches for row in batch.table.to_pylist()]
    return rows, [drop for batch in batches for drop in batch.drops]


@pytest.mark.parametrize("copies", [1, 100])
def test_each_line_becomes_what_it_would_alone(copies: int) -> None:
    kinds = [b'{"text": "a"}', b"x", b"  ", b"", b'{"text": 1}', b"\xff", b'{"text": "b"}\r', b"9" * 2000]
    lines = kinds * copies
    rows, drops = parsed(b"\n".join(lines), most=10_000)
    alone = [parsed(line + b"\n") for line in kinds]
    expected = [(10 + at, text) for at in range(len(lines)) for _, text in alone[at % len(kinds)][0]]
    assert rows == expected
    reasons = [(10 + at, drop.reason, drop.detail) for at in range(len(lines)) for drop in alone[at % len(kinds)][1]]
    assert sorted((drop.row, drop.reason, drop.detail) for drop in drops) == sorted(reasons)


def test_drops_beyond_the_first_are_counted_over_all_blocks() -> None:
    blocks = JsonBlocks(FIELDS, 1000, None, 3)
    first = [drop for batch in blocks.parse(b"x\n" * 200, 0) for drop in batch.drops]
    assert [(drop.row, drop.rows) for drop in first] == [(0, 1), (1, 1), (2, 1), (-1, 197)]
    more = [
        drop for batch in blocks.parse(b"x\n" * 100 + json.dumps({"text": "a"}).encode(), 200) for drop in batch.drops
    ]
    assert [(drop.row, drop.rows) for drop in more] == [(-1, 100)]
