"""A dataset opened to be looked at: the same rows as the reader's, from a list of shards that is kept."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from triptych.pipelines.inspection.browse import browsed as module
from triptych.pipelines.inspection.browse.browsed import BrowsedDataset
from triptych.schemas.dataset import reader
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal


def test_rows_are_those_of_the_reader(made: Path, browsed: BrowsedDataset) -> None:
    known = Dataset(str(made))
    assert browsed.rows == known.rows == browsed.manifest.statistics.rows
    for row in range(known.rows):
        mine, theirs = browsed.row(row), known.row(row)
        for name in ("tokens", "segment", "modality"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name))
        assert mine.segments == theirs.segments
        assert mine.spans == theirs.spans


def test_a_row_that_is_not_there_is_refused(browsed: BrowsedDataset) -> None:
    for row in (-1, browsed.rows):
        with pytest.raises(Refusal, match=f"rows 0 to {browsed.rows - 1}"):
            browsed.row(row)


def test_a_large_manifest_is_read_from_the_cache(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Dataset(str(made)).manifest
    monkeypatch.setattr(module, "LARGE", 0)
    first = BrowsedDataset(str(made), str(tmp_path))
    assert first.manifest == known
    monkeypatch.setattr(reader, "parse_manifest", lambda *_: pytest.fail("the manifest was parsed here"))
    again = BrowsedDataset(str(made), str(tmp_path))
    assert again.manifest == known
    assert list(again.shards) == list(known.shards)


def test_another_manifest_has_another_list(
    made: Path, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGE", 0)
    cache = str(tmp_path / "cache")
    place = tmp_path / "place"
    shutil.copytree(made, place, ignore=shutil.ignore_patterns("_work"))
    before = BrowsedDataset(str(place), cache)
    shutil.rmtree(place)
    shutil.copytree(texts, place, ignore=shutil.ignore_patterns("_work"))
    after = BrowsedDataset(str(place), cache)
    assert after.manifest.name != before.manifest.name
    assert after.rows == Dataset(str(texts)).rows


def test_it_opens_where_no_cache_can_be_written(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGE", 0)
    (tmp_path / "file").write_text("in the way")
    assert BrowsedDataset(str(made), str(tmp_path / "file")).rows == Dataset(str(made)).rows


def test_damaged_offsets_are_refused_and_do_not_end_the_process(copy: Path, tmp_path: Path) -> None:
    import pyarrow as pa

    shard = next((copy / "shards").glob("text-*.arrow"))
    with pa.memory_map(str(shard)) as source:
        offsets = pa.ipc.open_file(source).get_batch(0).column("segments").buffers()[1].to_pybytes()
    data = shard.read_bytes()
    wrong = np.frombuffer(offsets, np.int32).copy()
    wrong[1] = 1 << 30
    assert offsets in data
    shard.write_bytes(data.replace(offsets, wrong.tobytes()))
    opened = BrowsedDataset(str(copy), str(tmp_path / "cache"))
    at = opened.shards.files.to_pylist().index(f"shards/{shard.name}")
    with pytest.raises(Refusal, match="damaged"):
        opened.row(opened.first_row(at))


def test_a_link_that_leads_out_of_the_dataset_is_refused(copy: Path, tmp_path: Path) -> None:
    shard = next((copy / "shards").glob("text-*.arrow"))
    shard.rename(tmp_path / "elsewhere")
    shard.symlink_to(tmp_path / "elsewhere")
    opened = BrowsedDataset(str(copy), str(tmp_path / "cache"))
    with pytest.raises(Refusal, match="a link leads out"):
        opened.shard(opened.shards.files.to_pylist().index(f"shards/{shard.name}"))
