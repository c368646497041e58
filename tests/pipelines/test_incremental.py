"""Prepare again: what depends on a change is redone, and nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.inspection.verify import verify
from triptych.pipelines.tokenize import encode

Stamps = dict[str, tuple[int, int]]


def stamps(out: Path) -> Stamps:
    """What says that a file under `_work` was not written again: its inode and time."""
    files = {p.relative_to(out / "_work").as_posix(): p.stat() for p in (out / "_work").rglob("*") if p.is_file()}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in files.items()}


def redone(before: Stamps, after: Stamps) -> dict[str, int]:
    """Files that are new or written again, by stage; fails when one that was there is gone."""
    assert set(before) <= set(after)
    counts: dict[str, int] = {}
    for name, stamp in after.items():
        if before.get(name) != stamp:
            stage = name.split("/")[0]
            # the index of what is committed, the places of a shuffle's pieces, what is known of inputs and of shards
            if stage in ("commits", "ranges", "inputs.arrow", "shards.arrow"):
                continue
            counts[stage] = counts.get(stage, 0) + 1
    return counts


@pytest.fixture
def docs(tmp_path: Path, sources: list[dict[str, Any]]) -> dict[str, Any]:
    """The texts as a source of their own, to be changed."""
    shutil.copytree(Path(sources[0]["path"]).parent, tmp_path / "docs")
    return sources[0] | {"path": str(tmp_path / "docs/*.jsonl.gz")}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_nothing_is_redone_for_nothing(text_tree: Any, prepared: Any, out: Path, contents: Any) -> None:
    first = prepared(text_tree(out))
    before, files = stamps(out), contents(out)
    assert prepared(text_tree(out)) == first
    assert redone(before, stamps(out)) == {}
    assert contents(out) == files


def test_a_changed_file_redoes_its_own_partitions(
    text_tree: Any, prepared: Any, docs: Any, out: Path, tmp_path: Path, makers: Any, contents: Any
) -> None:
    prepared(text_tree(out, sources=[docs]))
    before = stamps(out)
    # of the lengths that it had, so that the number of shards stays
    texts = [makers.words(5000 + i, 900 if i % 10 == 0 else 8 + i) for i in range(40)]
    makers.write_docs(tmp_path / "docs/1.jsonl.gz", texts)
    manifest = prepared(text_tree(out, sources=[docs]))
    counts = redone(before, stamps(out))
    fresh = tmp_path / "fresh"
    assert prepared(text_tree(fresh, sources=[docs])) == manifest
    assert contents(fresh) == contents(out)
    parts = {stage: sum(name.startswith(f"{stage}/") for name in stamps(fresh)) for stage in ("read", "text", "pack")}
    # `read` also says that the unit is through
    assert counts["text"] == counts["shuffle"] == counts["read"] - 1
    assert parts["text"] / 4 < counts["text"] < parts["text"] / 2
    assert counts["pack"] == parts["pack"]
    assert set(counts) == {"read", "encoder", "text", "shuffle", "pack"}


def test_moved_files_redo_nothing(
    text_tree: Any, prepared: Any, docs: Any, out: Path, tmp_path: Path, contents: Any
) -> None:
    prepared(text_tree(out, sources=[docs]))
    before, files = stamps(out), contents(out)
    (tmp_path / "docs").rename(tmp_path / "moved")
    prepared(text_tree(out, sources=[docs | {"path": str(tmp_path / "moved/*.jsonl.gz")}]))
    assert redone(before, stamps(out)) == {}
    shards = {name: data for name, data in files.items() if name.startswith("shards/")}
    assert shards.items() <= contents(out).items()


def test_another_row_length_packs_again_and_no_more(
    text_tree: Any, prepared: Any, out: Path, tmp_path: Path, contents: Any
) -> None:
    prepared(text_tree(out))
    before = stamps(out)
    prepared(text_tree(out, row_length=300))
    assert set(redone(before, stamps(out))) == {"pack"}
    prepared(text_tree(tmp_path / "fresh", row_length=300))
    assert contents(out) == contents(tmp_path / "fresh")


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"seed": 7}, set()),
        ({"name": "other"}, set()),
        ({"threads": 2}, {"text", "shuffle", "pack"}),
        ({"pack": {"shard_bytes": 60_000}}, {"shuffle", "pack"}),
        ({"pack": {"shard_bytes": 30_000, "group_by": "source"}}, {"pack"}),
        ({"limits": {"pixels": 5}}, {"read", "encoder", "text", "shuffle", "pack"}),
        ({"partition_bytes": 5000}, {"read", "encoder", "text", "shuffle", "pack"}),
    ],
)
def test_a_setting_redoes_what_depends_on_it(
    text_tree: Any, prepared: Any, out: Path, change: dict[str, Any], stages: set[str]
) -> None:
    prepared(text_tree(out))
    before = stamps(out)
    prepared(text_tree(out, **change))
    assert set(redone(before, stamps(out))) == stages
    assert verify(str(out))[1] == []


def test_a_new_version_of_a_stage_redoes_it_and_what_follows(
    text_tree: Any, prepared: Any, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(text_tree(out))
    before = stamps(out)
    monkeypatch.setattr(encode, "ENCODE_VERSION", encode.ENCODE_VERSION + 1)
    prepared(text_tree(out))
    assert set(redone(before, stamps(out))) == {"text", "shuffle", "pack"}


def test_another_text_tokenizer_encodes_no_picture_and_no_clip_again(
    tree: Callable[..., Any], prepared: Any, text_model: Path, out: Path
) -> None:
    run = tree(out)
    prepared(run)
    before = stamps(out)
    text = {"kind": "sentencepiece", "path": str(text_model)}
    prepared(tree(out, tokenizers=run["tokenizers"] | {"text": text}))
    assert set(redone(before, stamps(out))) == {"fit", "encoder", "text", "shuffle", "pack"}
    assert verify(str(out))[1] == []


def test_there_and_back_again_is_where_it_was(text_tree: Any, prepared: Any, out: Path, contents: Any) -> None:
    first = prepared(text_tree(out))
    files = contents(out)
    other = prepared(text_tree(out, row_length=300))
    assert {entry.file for entry in other.shards} == {name for name in contents(out) if name.startswith("shards/")}, (
        "no shard of the run before is left"
    )
    assert prepared(text_tree(out)) == first
    assert contents(out) == files
    assert verify(str(out))[1] == []


@pytest.mark.parametrize("harm", ["lost", "changed", "cut"])
def test_preparing_again_mends_a_damaged_dataset(
    text_tree: Any, prepared: Any, out: Path, contents: Any, harm: str
) -> None:
    prepared(text_tree(out))
    files = contents(out)
    for name, data in files.items():
        if name == "manifest.json" or harm == "lost":
            continue
        (out / name).write_bytes(data[:-1] if harm == "cut" else bytes([data[0] ^ 1]) + data[1:])
    if harm == "lost":
        shutil.rmtree(out / "shards")
        shutil.rmtree(out / "tokenizers")
        (out / "dropped.parquet").unlink()
    assert verify(str(out))[1] != []
    prepared(text_tree(out))
    assert contents(out) == files
    assert verify(str(out))[1] == []


def test_a_dataset_that_is_being_changed_is_no_dataset(
    text_tree: Any, prepared: Any, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triptych.schemas.dataset.reader import Dataset
    from triptych.schemas.errors import Refusal
    from triptych.schemas.storage.store import Store

    first = prepared(text_tree(out))
    move = Store.move

    def stop_at_dropped(store: Store, name: str, to: str) -> None:
        if to == "dropped.parquet":
            raise KeyboardInterrupt
        move(store, name, to)

    monkeypatch.setattr(Store, "move", stop_at_dropped)
    with pytest.raises(KeyboardInterrupt):
        prepared(text_tree(out, row_length=300))
    with pytest.raises(Refusal, match=r"no manifest\.json"):
        Dataset(str(out))
    monkeypatch.undo()
    assert prepared(text_tree(out)) == first
