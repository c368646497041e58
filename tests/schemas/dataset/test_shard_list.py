"""The list of shards: a sequence of entries over columns."""

import numpy as np
import pytest

from triptych.schemas.dataset.file_entry import ShardEntry
from triptych.schemas.dataset.shard_list import ShardList


def entry(number: int, group: str = "text", rows: int = 10, **tokens: int) -> ShardEntry:
    """A shard of a group, with a file of its own."""
    name = f"shards/{group}-{number:016x}.arrow"
    return ShardEntry(file=name, bytes=100 + number, xxh3=f"{number:032x}", group=group, rows=rows, tokens=tokens)


ENTRIES = (
    entry(0, text=7),
    entry(1, "prose — été", 3, text=5, image=0),
    entry(2, rows=0),
    entry(3, "audio-text", 5, text=1, audio=40),
)


def test_entries_come_back() -> None:
    shards = ShardList.of(ENTRIES)
    assert len(shards) == 4
    assert tuple(shards) == ENTRIES
    assert shards == ENTRIES
    assert shards == ShardList.of(iter(ENTRIES))
    assert shards != ENTRIES[:3]
    assert shards != (*ENTRIES[:3], entry(4))
    assert [shards[number] for number in range(-4, 4)] == [*ENTRIES, *ENTRIES]
    assert shards[1:3] == ENTRIES[1:3]
    assert shards[::-1] == ENTRIES[::-1]
    with pytest.raises(IndexError):
        shards[4]


def test_an_empty_list() -> None:
    none = ShardList.of(())
    assert none == ()
    assert list(none) == []
    assert none.total_rows == none.total_bytes == 0
    assert none.total_tokens == {}
    assert none.groups == ()
    assert none.numbers_of("text").tolist() == []
    assert none.rows.tolist() == none.ends.tolist() == []


def test_columns() -> None:
    shards = ShardList.of(ENTRIES)
    assert shards.rows.tolist() == [10, 3, 0, 5]
    assert shards.ends.tolist() == [10, 13, 13, 18]
    assert shards.total_rows == 18
    assert shards.total_bytes == 406
    assert shards.total_tokens == {"text": 13, "image": 0, "audio": 40}
    assert shards.groups == ("text", "prose — été", "audio-text")
    assert {group: shards.numbers_of(group).tolist() for group in (*shards.groups, "none")} == {
        "text": [0, 2],
        "prose — été": [1],
        "audio-text": [3],
        "none": [],
    }


def test_some_shards_of_a_list_have_its_columns() -> None:
    shards = ShardList.of(ENTRIES)
    for numbers in ([], [1, 2], [3, 0], [2, 2]):
        some = shards.take(np.array(numbers, np.int64))
        assert some == tuple(ENTRIES[number] for number in numbers)
        assert some.rows.tolist() == [ENTRIES[number].rows for number in numbers]
        assert some.total_rows == sum(ENTRIES[number].rows for number in numbers)
        assert some.numbers_of("text").tolist() == [at for at, n in enumerate(numbers) if ENTRIES[n].group == "text"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ((entry(1), entry(2), entry(1)), "two shards have the same file"),
        ((entry(1), entry(2, video=5)), "tokens of 'video', which is no modality"),
        ((entry(1, rows=1 << 62), entry(2, rows=1 << 62)), "rows: is negative or too large"),
        ((entry(1, rows=1 << 70),), "too"),
    ],
)
def test_what_no_dataset_has_is_refused(wrong: tuple[ShardEntry, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ShardList.of(wrong)
