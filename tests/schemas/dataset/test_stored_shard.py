"""Rows of a shard that are read when they are needed: the same as those of the whole shard, and never half of them."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from triptych.pipelines.inspection.browse.browsed import BrowsedDataset
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.dataset.stored_file import StoredFile
from triptych.schemas.dataset.stored_shard import COLUMNS, MATRICES, StoredShard
from triptych.schemas.errors import Refusal


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """A copy of the tri-modal dataset."""
    return Path(shutil.copytree(made, tmp_path / "copy", ignore=shutil.ignore_patterns("_work")))


def test_rows_and_parts_are_those_of_the_whole_shard(made: Path) -> None:
    dataset = Dataset(str(made))
    for entry in dataset.manifest.shards:
        whole, stored = dataset.open(entry), dataset.stored(entry)
        assert stored.rows == whole.rows
        assert stored.contract == whole.contract
        for name in MATRICES:
            mine, theirs = stored.matrix(name), whole.matrix(name)
            assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
            picked = np.arange(whole.rows)[::-2]
            assert np.array_equal(mine[picked], theirs[picked])
            for some in (slice(1, None), slice(None, None, 2), slice(None, None, -1), slice(3, 1)):
                assert np.array_equal(mine[some], theirs[some])
            assert np.array_equal(mine[0], theirs[0])
            places = np.array([0, theirs.size - 1, 5, 5])
            assert np.array_equal(mine.flat(places), theirs.reshape(-1)[places])
        part, of_whole = stored.part(1, 2, COLUMNS), whole.part(1, 2, COLUMNS)
        assert part.to_pylist() == of_whole.to_pylist()
        assert stored.row(whole.rows - 1).segments == whole.row(whole.rows - 1).segments


def test_a_row_that_is_not_there_is_no_row(made: Path) -> None:
    dataset = Dataset(str(made))
    matrix = dataset.stored(dataset.manifest.shards[0]).matrix("tokens")
    for row in (-1, len(matrix)):
        with pytest.raises(IndexError):
            matrix[row]


@pytest.mark.parametrize("left", [0, 1, 100, 5000, -1])
def test_a_shard_that_is_cut_in_use_is_refused(copy: Path, left: int) -> None:
    dataset = Dataset(str(copy))
    entry = dataset.manifest.shards[0]
    shard = dataset.stored(entry)
    os.truncate(copy / entry.file, left % entry.bytes)
    with pytest.raises(Refusal, match=f"{entry.file}: was cut or changed while it was in use"):
        shard.row(0)
    with pytest.raises(Refusal):
        dataset.stored(entry)


def test_a_shard_that_is_written_into_in_use_is_refused(copy: Path) -> None:
    dataset = Dataset(str(copy))
    entry = dataset.manifest.shards[0]
    shard = dataset.stored(entry)
    with (copy / entry.file).open("r+b") as file:
        file.write(bytes(entry.bytes))
    os.utime(copy / entry.file, ns=(0, 0))  # also within one tick of the clock
    with pytest.raises(Refusal, match="cut or changed"):
        shard.row(0)


def test_browse_opens_a_shard_again_that_was_cut_and_restored(copy: Path, tmp_path: Path) -> None:
    dataset = BrowsedDataset(str(copy), str(tmp_path / "cache"))
    path = copy / dataset.manifest.shards[0].file
    before, data = dataset.row(0), path.read_bytes()
    os.truncate(path, len(data) // 2)
    for _ in range(2):
        with pytest.raises(Refusal):
            dataset.row(0)
    path.write_bytes(data)
    assert np.array_equal(dataset.row(0).tokens, before.tokens)


def test_anything_that_is_no_shard_is_an_error_and_no_crash(copy: Path) -> None:
    entry = Dataset(str(copy)).manifest.shards[0]
    path = copy / entry.file
    good = path.read_bytes()
    length = int.from_bytes(good[-10:-6], "little")
    footers = [good[: -10 - length] + b"\xff" * length + good[-10:], good[:-10] + b"\xff\xff\xff\x7f" + good[-6:]]
    for data in (b"", good[:100], good[:-1], good + b"x", good[:-10] + bytes(4) + good[-6:], *footers):
        path.write_bytes(data)
        with pytest.raises((ValueError, LookupError, OSError, Refusal)):  # ArrowInvalid is a ValueError
            StoredShard(StoredFile(str(path), "here"))
