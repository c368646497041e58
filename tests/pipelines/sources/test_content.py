"""The content of a row follows its text and the bytes of its media, and nothing else."""

from typing import Any

import pyarrow as pa
import xxhash

from triptych.pipelines.sources.content import add_content, digests

TEXTS, PICTURES, CLIPS = ["a", "é", "", "a"], [b"p", b"q", b"p", b"p"], [b"c", b"c", b"d", b"d"]


def table(**columns: list[Any]) -> pa.Table:
    rows = {"id": pa.array([bytes([n]) * 16 for n in range(4)], pa.binary(16)), "text": pa.array(TEXTS)}
    return pa.table(rows | {name: pa.array(values, pa.binary()) for name, values in columns.items()})


def test_of_a_text_it_is_the_hash_of_its_bytes() -> None:
    found = add_content(table())
    assert found["content"].to_pylist() == [xxhash.xxh3_128_digest(text.encode()) for text in TEXTS]
    assert found["media"].null_count == 4
    assert found.schema.names[:3] == ["id", "content", "media"]


def test_captions_of_one_picture_have_their_media_in_common_and_not_their_content() -> None:
    found = add_content(table(image=PICTURES))
    assert found["media"].to_pylist() == [xxhash.xxh3_128_digest(data) for data in PICTURES]
    content = found["content"].to_pylist()
    assert content[0] == content[3]
    assert len({*content[:3]}) == 3


def test_of_a_picture_and_a_clip_the_picture_is_followed() -> None:
    both, alone = add_content(table(image=PICTURES, audio=CLIPS)), add_content(table(image=PICTURES))
    assert both["media"].equals(alone["media"])
    assert len(set(both["content"].to_pylist())) == 4
    assert add_content(table(audio=CLIPS))["media"].to_pylist() == [xxhash.xxh3_128_digest(data) for data in CLIPS]


def test_slices_and_chunks_are_hashed_like_copies() -> None:
    whole = pa.chunked_array([pa.array(["x", *TEXTS]).slice(1, 2), pa.array([], pa.string()), pa.array(TEXTS[2:])])
    assert digests(whole) == digests(pa.chunked_array([pa.array(TEXTS)]))
    assert add_content(table().slice(1, 2)).equals(add_content(table()).slice(1, 2))
