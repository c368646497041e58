"""Samples whose members lie apart in a tar are dropped once, under their own reason; others keep theirs."""

import pytest

from triptych.pipelines.sources import scattered
from triptych.pipelines.sources.base import Drop
from triptych.pipelines.sources.batches import LateDrop, RawRow
from triptych.pipelines.sources.scattered import Apart, Part


def whole(key: str, row: int) -> Part:
    return Part(key, frozenset({"image", "text"}), RawRow(row, (b"i", "t")), False)


def part(key: str, row: int, *fields: str) -> Part:
    return Part(key, frozenset(fields), Drop(row, "text_missing"), True)


def run(*parts: Part) -> list[RawRow | Drop | None]:
    apart = Apart()
    found = [item for each in parts for item in apart.add(each)]
    return [*found, *apart.end()]


def test_whole_samples_are_rows() -> None:
    assert run(whole("a", 0), whole("b", 1)) == [RawRow(0, (b"i", "t")), RawRow(1, (b"i", "t"))]


def test_two_parts_of_a_sample_are_one_drop_at_the_place_of_the_first() -> None:
    waits, drop = run(part("a", 0, "image"), part("a", 1, "text"))
    assert waits is None
    assert isinstance(drop, LateDrop)
    assert (drop.row, drop.reason) == (0, "member_scattered")
    assert "--sort=name" in drop.detail


def test_a_part_that_stays_alone_keeps_its_reason() -> None:
    waits, drop = run(part("a", 0, "image"), whole("b", 1))[0], run(part("a", 0, "image"), whole("b", 1))[-1]
    assert waits is None
    assert isinstance(drop, LateDrop)
    assert (drop.row, drop.reason) == (0, "text_missing")


def test_a_late_part_of_a_whole_sample_is_a_drop_of_its_own() -> None:
    row, drop = run(whole("a", 0), part("a", 1, "image"))
    assert isinstance(row, RawRow)
    assert isinstance(drop, Drop)
    assert drop.reason == "member_scattered"


def test_members_that_are_not_read_cost_nothing() -> None:
    assert run(whole("a", 0), part("a", 1)) == [RawRow(0, (b"i", "t"))]
    assert run(part("a", 0), whole("a", 1))[-1] == RawRow(1, (b"i", "t"))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scattered, "REMEMBERED", 3)
    apart = Apart()
    found = [item for n in range(10) for item in apart.add(part(str(n), n, "image"))]
    assert apart.waiting == 3
    assert [item.row for item in found if isinstance(item, Drop)] == list(range(7))
