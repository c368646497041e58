"""Ids depend on what identifies a file and on the number of a row, and never on what is read together."""

import numpy as np
import pyarrow as pa

from triptych.pipelines.sources.row_ids import document_ids, row_ids, text_ids


def hexes(ids: pa.Array) -> list[str]:
    return [each.hex() for each in ids.to_pylist()]


def test_ids_that_people_have_stay() -> None:
    assert hexes(row_ids("base", np.array([0, 1]))) == [
        "d4c3c5fbb8c8bf2f35c0838c0f9e97cc",
        "9bdbaa3e3b79350eb0a23070a9f19dbd",
    ]


def test_rows_have_the_same_ids_in_any_batch_and_no_two_the_same() -> None:
    every = hexes(row_ids("a", np.arange(1000)))
    assert every[500:] == hexes(row_ids("a", np.arange(500, 1000)))
    assert len({*every, *hexes(row_ids("b", np.arange(1000)))}) == 2000


def test_the_first_text_of_a_row_has_the_id_of_the_row() -> None:
    rows, places = np.array([3, 3, 4]), np.array([0, 1, 0])
    ids = hexes(text_ids("a", rows, places))
    assert [ids[0], ids[2]] == hexes(row_ids("a", np.array([3, 4])))
    assert len(set(ids)) == 3


def documents(*rows: tuple[str, str | None, bytes | None]) -> list[str]:
    files, texts, images = zip(*rows, strict=True)
    columns = {"file": list(files), "row": [0] * len(rows), "text": list(texts)}
    return hexes(document_ids("s", pa.table(columns | {"image": pa.array(images, pa.binary())})))


def test_files_of_their_own_are_known_by_their_label_and_content() -> None:
    first = ("a.txt", "text", b"image")
    others = [("b.txt", "text", b"image"), ("a.txt", "other", b"image"), ("a.txt", "text", None), ("a.txt", None, b"")]
    ids = documents(first, *others)
    assert documents(first) == ids[:1]
    assert len(set(ids)) == len(ids)
    assert documents(("a", "bc", b"d")) != documents(("a", "b", b"cd"))  # a byte in another field


def test_a_document_of_another_source_is_another_one() -> None:
    table = pa.table({"file": ["a"], "row": [0], "text": ["t"]})
    assert hexes(document_ids("s", table)) != hexes(document_ids("t", table))
