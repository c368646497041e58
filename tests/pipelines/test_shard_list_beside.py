"""A dataset whose shards are listed beside the manifest: everything that reads or changes a dataset does so with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.handing_on.merge import merge_datasets
from triptych.pipelines.inspection.browse.browsed import BrowsedDataset
from triptych.pipelines.inspection.stats import stats
from triptych.pipelines.inspection.verify import verify
from triptych.pipelines.takedown.takedown import take_down
from triptych.schemas.dataset import manifest as module
from triptych.schemas.dataset.manifest import MANIFEST, parse_manifest
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.dataset.shard_list_file import INLINE, SHARD_LIST
from triptych.schemas.errors import Refusal

Tree = dict[str, Any]


@pytest.fixture(autouse=True)
def no_shard_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INLINE", 0)


@pytest.fixture
def beside(copy: Path) -> Path:
    """The dataset of all kinds, with its list in a file."""
    for name, data in Dataset(str(copy)).manifest.sealed().files().items():
        (copy / name).write_bytes(data)
    return copy


def test_it_has_the_same_shards_and_rows(made: Path, beside: Path) -> None:
    before, after = Dataset(str(made)), Dataset(str(beside))
    assert after.manifest.version == 3
    assert after.manifest.shards == before.manifest.shards
    assert after.manifest.sealed() == after.manifest
    assert after.rows == before.rows
    assert after.row(after.rows - 1).segments == before.row(before.rows - 1).segments
    assert b"shards/" not in (beside / MANIFEST).read_bytes()
    assert stats(after.manifest) == stats(before.manifest) | {"fingerprint": after.manifest.fingerprint}
    assert BrowsedDataset(str(beside)).rows == before.rows
    assert verify(str(beside))[1] == []


def test_prepare_lists_few_shards_inline_and_many_beside(
    text_tree: Callable[..., Tree], prepared: Callable[[Tree], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    prepared(text_tree(out))
    assert (out / SHARD_LIST).is_file()
    assert verify(str(out))[1] == []
    data = {path.name: path.read_bytes() for path in (out / SHARD_LIST, out / MANIFEST)}
    prepared(text_tree(out))
    assert {name: (out / name).read_bytes() for name in data} == data
    monkeypatch.setattr(module, "INLINE", INLINE)
    prepared(text_tree(out))
    assert not (out / SHARD_LIST).exists(), "a list that nothing names is deleted"
    assert Dataset(str(out)).manifest.version == 2
    assert verify(str(out))[1] == []


def test_a_takedown_writes_another_list(texts: Path) -> None:
    for name, data in Dataset(str(texts)).manifest.sealed().files().items():
        (texts / name).write_bytes(data)
    before = (texts / SHARD_LIST).read_bytes()
    document = Dataset(str(texts)).row(0).segments[0]["id"].hex()
    done = take_down(str(texts), [document])
    assert document in done.removed
    assert (texts / SHARD_LIST).read_bytes() != before
    assert verify(str(texts))[1] == []


def test_merged_datasets_have_one_list(beside: Path, texts: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    texts.rename(first)
    with pytest.raises(Refusal, match="all its documents would be there twice"):
        merge_datasets([str(first), str(first)], str(tmp_path / "both"))


@pytest.mark.parametrize("damage", ["missing", "cut", "changed", "another"])
def test_a_damaged_list_is_refused_by_name(beside: Path, damage: str) -> None:
    path = beside / SHARD_LIST
    data = path.read_bytes()
    manifest = Dataset(str(beside)).manifest
    if damage == "missing":
        path.unlink()
    elif damage == "another":
        some = manifest.model_copy(update={"shards": manifest.shards[1:]}).sealed()
        path.write_bytes(some.files()[SHARD_LIST])
    else:
        path.write_bytes(data[:-9] if damage == "cut" else data.replace(b"shards/", b"shardz/", 1))
    with pytest.raises(Refusal, match=r"shards\.parquet: "):
        Dataset(str(beside))


def test_a_list_that_the_manifest_does_not_name_is_found(copy: Path) -> None:
    (copy / SHARD_LIST).write_bytes(b"")
    assert [(each.file, each.problem) for each in verify(str(copy))[1]] == [(SHARD_LIST, "is not in the manifest")]


def test_a_link_to_another_list_is_refused(beside: Path, tmp_path: Path) -> None:
    (beside / SHARD_LIST).rename(tmp_path / "elsewhere")
    (beside / SHARD_LIST).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refusal, match="a link leads out"):
        Dataset(str(beside))


def test_facts_of_a_manifest_need_no_list(beside: Path) -> None:
    facts = parse_manifest((beside / MANIFEST).read_bytes(), "here")
    assert facts.shards == ()
    assert facts.shard_list is not None
    assert facts.shard_list.count == len(Dataset(str(beside)).manifest.shards)
