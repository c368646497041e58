"""Reading a finished dataset: rows without copies, and refusals instead of surprises."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triptych.schemas.dataset.reader import Dataset, fill
from triptych.schemas.errors import Mismatch, Refusal
from triptych.schemas.vocabulary import Modality, Special


def test_rows_run_over_all_shards(made: Path) -> None:
    dataset = Dataset(str(made))
    rows = [dataset.row(index) for index in range(dataset.rows)]
    assert len(rows) == sum(entry.rows for entry in dataset.manifest.shards) == dataset.manifest.statistics.rows
    assert len(dataset.manifest.shards) == 3
    start = 0
    for entry in dataset.manifest.shards:
        shard = dataset.open(entry)
        stacked = np.stack([row.tokens for row in rows[start : start + entry.rows]])
        np.testing.assert_array_equal(shard.matrix("tokens"), stacked)
        start += entry.rows
    assert sum(int((row.segment != 0).sum()) for row in rows) == dataset.manifest.statistics.filled
    assert 0 < fill(dataset.manifest) <= 1


def test_a_row_is_a_view_of_the_whole_shard(made: Path) -> None:
    dataset = Dataset(str(made))
    shard = dataset.open(dataset.manifest.shards[0])
    matrix, row = shard.matrix("tokens"), shard.row(0)
    assert np.shares_memory(matrix, shard.matrix("tokens"))
    assert np.shares_memory(row.tokens, matrix)
    assert not row.tokens.flags.writeable
    assert matrix.dtype == dataset.manifest.vocabulary.dtype == np.uint16


def test_a_row_has_its_layout(made: Path) -> None:
    dataset = Dataset(str(made))
    vocabulary = dataset.manifest.vocabulary
    for index in range(dataset.rows):
        row = dataset.row(index)
        assert row.tokens.shape == row.segment.shape == row.modality.shape == (512,)
        end = 0
        for number, segment in enumerate(row.segments, start=1):
            assert segment["start"] == end
            end += segment["length"]
            assert (row.segment[segment["start"] : end] == number).all()
            assert row.tokens[segment["start"]] == Special.TASK
        assert (row.segment[end:] == 0).all()
        assert (row.tokens[end:] == Special.PAD).all()
        for span in row.spans:
            owned = vocabulary.modality_of(row.tokens[span["start"] : span["start"] + span["length"]])
            assert set(owned.tolist()) <= {span["modality"]}
            assert span["modality"] in list(Modality)[1:]


@pytest.mark.parametrize("index", [-1, 10_000])
def test_a_row_that_is_not_there_is_refused(made: Path, index: int) -> None:
    with pytest.raises(Refusal, match=rf"row {index}: .* has rows 0 to \d+"):
        Dataset(str(made)).row(index)


def test_a_folder_without_a_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"an empty folder, not a finished dataset \(no manifest\.json\)"):
        Dataset(str(tmp_path))


@pytest.mark.parametrize("path", ["/nowhere/a\0b", "/nowhere/\ud800"])
def test_a_text_that_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(Refusal, match="is no path of a dataset"):
        Dataset(path)


def test_a_lost_or_cut_shard_is_refused(made: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(made, tmp_path / "copy", ignore=shutil.ignore_patterns("_work"))
    dataset = Dataset(str(copy))
    first, second = (copy / entry.file for entry in dataset.manifest.shards[:2])
    first.unlink()
    second.write_bytes(second.read_bytes()[:-100])
    for entry in dataset.manifest.shards[:2]:
        with pytest.raises(Refusal) as caught:
            dataset.open(entry)
        assert entry.file in str(caught.value)
        assert caught.value.exit_code == 1


def test_a_shard_of_another_vocabulary_is_refused_by_both_fingerprints(made: Path, tmp_path: Path) -> None:
    dataset = Dataset(str(made))
    other: Any = dataset.manifest.vocabulary.model_copy(update={"text": 401})
    dataset.manifest = dataset.manifest.model_copy(
        update={"vocabulary": other, "vocabulary_fingerprint": other.fingerprint}
    )
    with pytest.raises(Mismatch) as caught:
        dataset.open(dataset.manifest.shards[0])
    stored = Dataset(str(made)).manifest.vocabulary.fingerprint
    assert other.fingerprint in str(caught.value)
    assert stored in str(caught.value)
