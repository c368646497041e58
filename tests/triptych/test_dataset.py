"""The public face of datasets: what is in one comes back, and `prepare` makes one from a path or a mapping."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import triptych


@pytest.fixture
def dataset(made: Path) -> triptych.Dataset:
    return triptych.Dataset(made)


def test_rows_are_counted_read_and_sliced(dataset: triptych.Dataset) -> None:
    assert len(dataset) == dataset.manifest.statistics.rows
    assert repr(dataset).startswith("Dataset(")
    assert (dataset.row(-1).tokens == dataset.row(len(dataset) - 1).tokens).all()
    rows = list(dataset.rows(slice(1, 6, 2)))
    assert len(rows) == 3
    assert (rows[1].tokens == dataset.row(3).tokens).all()
    with pytest.raises(triptych.Refusal, match="has rows 0 to"):
        dataset.row(len(dataset))


def test_segments_are_found_by_source_kind_and_document(dataset: triptych.Dataset) -> None:
    every = list(dataset.segments())
    assert {segment.kind for segment in every} == {"text", "image-text", "audio-text"}
    stamps = list(dataset.segments(source="stamps"))
    assert [one.kind for one in stamps] == ["image-text"] * 24
    assert [(one.row, one.number) for one in dataset.segments(kind="image-text")] == [
        (one.row, one.number) for one in stamps
    ]
    long = next(one for one in every if not one.last)
    pieces = sorted(dataset.segments(document=long.id), key=lambda piece: piece.offset)
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert {one.row for one in dataset.segments(slice(2, 4))} <= {2, 3}


def test_segments_are_decoded(dataset: triptych.Dataset, makers: Any) -> None:
    image = next(dataset.segments(kind="image-text"))
    decoded = dataset.decode(image)
    assert decoded.text == makers.words(50 * int(image.file[0]) + image.file_row, 5)
    assert decoded.pixels is not None
    assert (decoded.pixels.shape, decoded.pixels.dtype) == ((16, 16, 3), np.uint8)
    assert decoded.wave is None
    clip = dataset.decode(next(dataset.segments(kind="audio-text")))
    assert clip.wave is not None
    assert clip.sample_rate == 16000
    assert clip.wave.dtype == np.float32
    assert dataset.decode(next(dataset.segments(kind="text"))).pixels is None


def test_it_states_and_checks_itself(dataset: triptych.Dataset) -> None:
    assert dataset.verify() == []
    assert dataset.stats()["rows"] == len(dataset)


def test_a_dataset_is_prepared_from_a_mapping_or_a_file(text_tree: Any, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    tree = text_tree(tmp_path / "one")
    one = triptych.prepare(tree, progress=lambda step, done, total: calls.append((step, done, total)))
    assert ("pack", len(one.manifest.shards), len(one.manifest.shards)) in calls
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree | {"out": str(tmp_path / "two")}))
    two = triptych.prepare(tmp_path / "run.yaml")
    assert two.manifest.fingerprint == one.manifest.fingerprint
    with pytest.raises(triptych.Refusal, match="unknown key"):
        triptych.prepare(tree | {"nmae": "x"})


def test_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(triptych.Refusal):
        triptych.Dataset(tmp_path)
