"""Lengths of new samples are those of real ones: of samples like the one that is asked for."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.schemas.config.model import Task
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Kind, Modality
from triptych.train.generate.lengths import FILE, NEIGHBOURS, Lengths, lengths_of


def test_lengths_are_counted_from_the_rows(dataset: Path, workshop: Any) -> None:
    plan = workshop.plan({"path": str(dataset), "weight": 1})
    table = lengths_of(plan, workshop.shards(plan))
    found = Counter({tuple(row[name] for name in table.column_names[:-1]): row["count"] for row in table.to_pylist()})
    expected: Counter[tuple[int, ...]] = Counter()
    whole = Dataset(str(dataset))
    for row in map(whole.row, range(whole.rows)):
        for number, segment in enumerate(row.segments, start=1):
            here = row.modality[row.segment == number]
            counts = [int((here == half).sum()) for half in (Modality.TEXT, Modality.IMAGE, Modality.AUDIO)]
            expected[segment["kind"], *counts] += 1
    assert found == expected


def lengths(rows: list[tuple[Kind, int, int, int, int]]) -> Lengths:
    columns = zip(*((kind.code, *rest) for kind, *rest in rows), strict=True)
    return Lengths(pa.table(dict(zip(["kind", "text", "image", "audio", "count"], columns, strict=True))))


def test_speech_is_as_long_as_that_of_like_long_texts() -> None:
    made = lengths([(Kind.AUDIO_TEXT, words, 0, 100 * words, NEIGHBOURS) for words in range(1, 20)])
    for words in (1, 7, 19):
        drawn = {made.draw(Task.T2S, Modality.AUDIO, (Modality.TEXT, words), u) for u in np.linspace(0.01, 0.99, 9)}
        assert min(abs(length - 100 * words) for length in drawn) == 0
        assert max(abs(length - 100 * words) for length in drawn) <= 100
    assert made.draw(Task.S2T, Modality.TEXT, (Modality.AUDIO, 510), 0.01) == 5


def test_texts_have_the_lengths_of_texts_as_often() -> None:
    made = lengths([(Kind.TEXT, 10, 0, 0, 3), (Kind.TEXT, 20, 0, 0, 1), (Kind.IMAGE_TEXT, 5, 64, 0, 100)])
    drawn = Counter(made.draw(Task.TEXT, Modality.TEXT, None, u) for u in (np.arange(100) + 0.5) / 100)
    assert drawn == {10: 75, 20: 25}
    assert made.draw(Task.I2T, Modality.TEXT, (Modality.IMAGE, 64), 0.5) == 5


def test_what_was_not_learned_is_refused() -> None:
    made = lengths([(Kind.TEXT, 10, 0, 0, 3)])
    with pytest.raises(Refusal, match="trained on no such pairs"):
        made.draw(Task.T2S, Modality.AUDIO, (Modality.TEXT, 3), 0.5)


@pytest.mark.parametrize("damage", ["cut", "empty", "other"])
def test_a_damaged_table_is_refused(tmp_path: Path, damage: str) -> None:
    table = pa.table({name: [0] for name in ("kind", "text", "image", "audio", "count")})
    pq.write_table(table.drop_columns(["count"]) if damage == "other" else table, tmp_path / FILE)
    data = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes({"cut": data[:-9], "empty": b"", "other": data}[damage])
    with pytest.raises(Refusal, match=r"lengths\.parquet: is damaged \(.+\)\. Remove the folder `model`"):
        Lengths.of_model(tmp_path)
