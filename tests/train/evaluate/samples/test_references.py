"""Which held-out documents are compared with, and that they are the same ones however many are asked for."""

from pathlib import Path

import numpy as np

from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.vocabulary import Kind, Modality
from triptych.train.data.split import is_held_out
from triptych.train.evaluate.samples.references import references


def test_references_are_held_out_documents_of_their_modality_with_the_lowest_ids(dataset: Path) -> None:
    opened = Dataset(str(dataset))
    rows = [opened.row(index) for index in range(opened.rows)]
    for modality, kind in ((Modality.TEXT, Kind.TEXT), (Modality.IMAGE, Kind.IMAGE_TEXT)):
        ids = {one["id"] for row in rows for one in row.segments if one["kind"] == kind.code and not one["offset"]}
        halves = np.frombuffer(b"".join(sorted(ids)), np.uint64).reshape(-1, 2)
        expected = [name for name, out in zip(sorted(ids), is_held_out(halves, 0.3), strict=True) if out]
        found = references([opened], 0.3, modality, 10_000)
        assert [one.document for one in found] == expected
        assert all(modality in one.codes for one in found)


def test_more_references_begin_with_those_of_fewer(dataset: Path) -> None:
    # of one shard, or of as many as hold enough
    opened = [Dataset(str(dataset))]
    first, more = (references(opened, 0.5, Modality.AUDIO, count) for count in (3, 6))
    assert [one.document for one in first] == [one.document for one in more][:3]
    assert first[0].codes[Modality.AUDIO].shape[1] == 2
    assert first[0].source == "prompts"


def test_nothing_is_held_out_of_nothing(dataset: Path) -> None:
    assert references([Dataset(str(dataset))], 0.0, Modality.IMAGE, 3) == []
