"""Documents are taken out of a dataset and stay out, and what is left holds what it says."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from triptych.pipelines.takedown.takedown import take_down
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal

from .documents import documents, sound

UNKNOWN = "0" * 32


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """A copy of the tri-modal dataset, with its raw rows."""
    return Path(shutil.copytree(made, tmp_path / "out"))


def test_every_modality_goes_and_the_rest_is_as_it_was(copy: Path) -> None:
    before, old = documents(copy), Dataset(str(copy)).manifest
    by_source: dict[str, list[str]] = {}
    for each, pieces in before.items():
        by_source.setdefault(pieces[0]["source"], []).append(each)
    long = max(by_source["docs"], key=lambda each: len(before[each]))
    assert len(before[long]) > 1
    gone = {long, *by_source["docs"][:3], *by_source["stamps"][:2], by_source["prompts"][0]}
    done = take_down(str(copy), sorted(gone))
    assert set(done.removed) == gone
    assert (done.withheld, done.before, done.missing, done.resumed) == ((), (), (), False)
    assert documents(copy) == {each: pieces for each, pieces in before.items() if each not in gone}
    sound(copy)
    new = Dataset(str(copy)).manifest
    assert done.fingerprint == new.fingerprint != old.fingerprint
    assert sum(line.documents for line in done.rewritten) == len(gone)
    assert {line.file for line in done.rewritten}.isdisjoint(entry.file for entry in new.shards)
    assert not list((copy / "_work").rglob("*.arrow"))
    assert not (copy / "_takedown").exists() or not list((copy / "_takedown").rglob("*.*"))


def test_the_ledger_and_the_list_of_drops_say_what_went(copy: Path) -> None:
    before = documents(copy)
    gone = [each for each, pieces in before.items() if pieces[0]["source"] == "docs"][:5]
    old = {tally.source: tally for tally in Dataset(str(copy)).manifest.ledger}["docs"]
    lines = pq.read_table(copy / "dropped.parquet").num_rows
    for turn in (gone[:2], gone[2:]):  # the second adds to the first
        take_down(str(copy), turn)
        sound(copy)
    tallies = [tally for tally in Dataset(str(copy)).manifest.ledger if tally.source == "docs"]
    assert [tally.stage for tally in tallies[-2:]] == ["pack", "takedown"]
    tokens = old.tokens_kept - sum(Dataset(str(copy)).manifest.statistics.sources["docs"].tokens.values())
    assert tallies[-1].model_dump() == {
        "stage": "takedown",
        "source": "docs",
        "rows_in": old.kept,
        "kept": old.kept - 5,
        "dropped": {"takedown": 5},
        "tokens_in": old.tokens_kept,
        "tokens_kept": old.tokens_kept - tokens,
        "tokens_dropped": {"takedown": tokens},
    }
    added = pq.read_table(copy / "dropped.parquet").to_pylist()[lines:]
    assert sorted(line["detail"] for line in added) == sorted(gone)
    for line in added:
        piece = before[line["detail"]][0]
        assert (line["file"], line["row"]) == (piece["file"], piece["row"])
        assert (line["stage"], line["source"], line["reason"]) == ("takedown", "docs", "takedown")


def test_only_shards_that_hold_it_are_touched(texts: Path) -> None:
    shards = {entry.file: (texts / entry.file).stat().st_ino for entry in Dataset(str(texts)).manifest.shards}
    assert len(shards) > 3
    first = next(iter(documents(texts)))
    (line,) = take_down(str(texts), [first]).rewritten
    after = {entry.file: (texts / entry.file).stat().st_ino for entry in Dataset(str(texts)).manifest.shards}
    assert set(shards) - set(after) == {line.file}
    assert set(after) - set(shards) == {line.to}
    assert all(after[file] == number for file, number in shards.items() if file in after)
    assert [entry.file for entry in Dataset(str(texts)).manifest.shards].index(str(line.to)) == list(shards).index(
        line.file
    )


def test_all_of_a_shard_and_all_of_a_dataset(texts: Path) -> None:
    dataset = Dataset(str(texts))
    ids = {s["id"].hex() for i in range(dataset.manifest.shards[0].rows) for s in dataset.row(i).segments}
    (line,) = take_down(str(texts), sorted(ids)).rewritten
    assert (line.to, line.documents) == (None, len(ids))
    sound(texts)
    take_down(str(texts), list(documents(texts)))
    sound(texts)
    assert Dataset(str(texts)).rows == 0
    assert Dataset(str(texts)).manifest.shards == ()
    assert Dataset(str(texts)).manifest.statistics.sources["docs"].kind == "text"


def test_what_is_not_there_is_said_and_changes_nothing(texts: Path, contents: Any) -> None:
    before = contents(texts)
    done = take_down(str(texts), [UNKNOWN])
    assert (done.missing, done.removed, done.rewritten) == ((UNKNOWN,), (), ())
    assert contents(texts) == before
    first = next(iter(documents(texts)))
    assert take_down(str(texts), [first, UNKNOWN]).missing == (UNKNOWN,)
    before = contents(texts)
    again = take_down(str(texts), [first])
    assert (again.before, again.removed, again.missing) == ((first,), (), ())
    assert contents(texts) == before


def test_prepare_leaves_out_what_was_taken_down(texts: Path, text_tree: Any, prepared: Any) -> None:
    before = documents(texts)
    gone = sorted(before)[:3]
    take_down(str(texts), gone)
    manifest = prepared(text_tree(texts, row_length=128))
    assert set(documents(texts)) == set(before) - set(gone)
    tally = next(tally for tally in manifest.ledger if tally.stage == "takedown")
    assert (tally.rows_in, tally.dropped) == (120, {"takedown": 3})
    sound(texts)
    take_down(str(texts), sorted(before)[3:4])  # with a line of the first and one of the second kind
    sound(texts)
    assert [tally.stage for tally in Dataset(str(texts)).manifest.ledger].count("takedown") == 2


def test_prepare_refuses_sources_in_which_it_cannot_tell_them(
    text_tree: Any, prepared: Any, makers: Any, tmp_path: Path
) -> None:
    texts = [makers.words(i, 20) for i in range(40)]
    makers.write_docs(tmp_path / "docs.jsonl", texts)
    source = {"name": "docs", "kind": "jsonl", "path": str(tmp_path / "docs.jsonl"), "text": "text"}
    out = tmp_path / "out"
    prepared(text_tree(out, sources=[source]))
    (gone,) = [each for each, pieces in documents(out).items() if pieces[0]["row"] == 7]
    take_down(str(out), [gone])
    makers.write_docs(tmp_path / "docs.jsonl", [*texts, "one more"])
    with pytest.raises(
        Refusal, match=r"takedown.txt: 1 of 1 documents .* are not in the sources\. .* delete takedown.txt"
    ):
        prepared(text_tree(out, sources=[source]))
    makers.write_docs(tmp_path / "docs.jsonl", texts[:7] + texts[8:])
    (out / "takedown.txt").unlink()
    assert prepared(text_tree(out, sources=[source])).statistics.sources["docs"].samples == 39


def test_a_document_goes_with_its_duplicates(text_tree: Any, prepared: Any, makers: Any, tmp_path: Path) -> None:
    texts = [makers.words(i, 30) for i in range(20)]
    makers.write_docs(tmp_path / "a.jsonl", texts)
    makers.write_docs(tmp_path / "b.jsonl", [texts[3].upper(), texts[5], "alone of its kind"])
    sources: list[dict[str, Any]] = [
        {"name": n, "kind": "jsonl", "path": f"{tmp_path}/{n}.jsonl", "text": "text"} for n in "ab"
    ]
    sources[0]["priority"] = 1
    out = tmp_path / "out"
    tree = text_tree(out, sources=sources, dedup={"text": {"exact": True}})
    prepared(tree)
    clusters = pq.read_table(out / "duplicates.parquet").to_pylist()
    ids = {(line["source"], line["row"]): line["id"].hex() for line in clusters}
    assert set(ids) == {("a", 3), ("b", 0), ("a", 5), ("b", 1)}
    # by the id of the one that was dropped, and by that of the survivor
    done = take_down(str(out), sorted([ids["b", 0], ids["a", 5]]))
    assert done.removed == tuple(sorted([ids["a", 3], ids["a", 5]]))
    assert done.withheld == tuple(sorted([ids["b", 0], ids["b", 1]]))
    sound(out)
    for line in pq.read_table(out / "duplicates.parquet").to_pylist():
        assert line["excerpt"] is None
    manifest = (out / "manifest.json").read_text()
    assert all(texts[row][:20] not in manifest for row in (3, 5))
    prepared(tree)
    left = {(pieces[0]["source"], pieces[0]["row"]) for pieces in documents(out).values()}
    assert left == {*(("a", row) for row in range(20) if row not in (3, 5)), ("b", 2)}


def test_a_damaged_shard_is_not_sealed_anew(texts: Path) -> None:
    first = next(iter(documents(texts)))
    for entry in Dataset(str(texts)).manifest.shards:
        data = bytearray((texts / entry.file).read_bytes())
        at = data.index(b"ARROW1") + 4096
        data[at] ^= 1
        (texts / entry.file).write_bytes(bytes(data))
    manifest = (texts / "manifest.json").read_bytes()
    with pytest.raises(Refusal, match=r"its checksum is \w+, not \w+ as the manifest says"):
        take_down(str(texts), [first])
    assert (texts / "manifest.json").read_bytes() == manifest


def test_no_dataset_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no such file or folder"):
        take_down(str(tmp_path / "nothing"), [UNKNOWN])
    assert not (tmp_path / "nothing").exists()
