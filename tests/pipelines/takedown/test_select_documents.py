"""Documents of a takedown are those that meet all conditions, their duplicates and earlier ones included."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.takedown.select_documents import Selection, removal, select
from triptych.pipelines.takedown.takedown import take_down
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal

from .documents import documents, sound

LINE = "a text that two sources have, word for word"
EXACT = {"text": {"exact": True}}


def sources_in(folder: Path) -> list[dict[str, Any]]:
    base = {"kind": "jsonl", "text": "text"}
    return [base | {"name": n, "path": f"{folder}/{n}/*.jsonl", "priority": "ba".index(n)} for n in "ab"]


@pytest.fixture
def two(text_tree: Any, prepared: Any, makers: Any, tmp_path: Path) -> Path:
    """Sources a (two files) and b, which share one text; b's row of it is a duplicate of a's."""
    makers.write_docs(tmp_path / "a/one.jsonl", [LINE, *(makers.words(i, 20) for i in range(3))])
    makers.write_docs(tmp_path / "a/two[1].jsonl", [makers.words(i, 20) for i in range(10, 12)])
    makers.write_docs(tmp_path / "b/one.jsonl", [LINE, makers.words(20, 20)])
    prepared(text_tree(tmp_path / "out", sources=sources_in(tmp_path), dedup=EXACT))
    return tmp_path / "out"


def ids(out: Path, **wanted: Any) -> list[str]:
    """Ids of the documents in the shards whose first piece has these values."""
    found = documents(out).items()
    return sorted(each for each, pieces in found if all(pieces[0][name] == wanted[name] for name in wanted))


def test_a_source_goes_with_its_duplicates_and_stays_out(two: Path, text_tree: Any, prepared: Any) -> None:
    dataset = Dataset(str(two))
    (shared,) = ids(two, file="one.jsonl", row=0)
    chosen = select(dataset, Selection(source="b"))
    assert len(chosen) == 2
    found = removal(dataset, chosen)
    assert {name: counts[0] for name, counts in found.sources.items()} == {"a": 1, "b": 1}
    assert found.withheld == 1
    before = documents(two)
    done = take_down(str(two), chosen)
    assert set(done.removed) == {shared, *ids_of(before, "b")}
    sound(two)
    assert ids(two, source="b") == []
    again = select(Dataset(str(two)), Selection(source="b"))
    assert take_down(str(two), again).removed == ()
    manifest = prepared(text_tree(two, sources=sources_in(two.parent), dedup=EXACT))
    assert {name: source.samples for name, source in manifest.statistics.sources.items()} == {"a": 5}


def ids_of(found: dict[str, Any], source: str) -> list[str]:
    return [each for each, pieces in found.items() if pieces[0]["source"] == source]


@pytest.mark.parametrize("label", ["two[1].jsonl", "two*", "*[[]1[]]*"])
def test_a_file_is_named_as_it_is_or_by_a_glob(two: Path, label: str) -> None:
    assert select(Dataset(str(two)), Selection(file=label)) == ids(two, file="two[1].jsonl")


def test_all_conditions_must_hold(two: Path) -> None:
    dataset = Dataset(str(two))
    mine = ids(two, source="a", file="one.jsonl")
    assert set(select(dataset, Selection(source="a", file="one.jsonl"))) == set(mine)
    other = ids(two, source="b")
    assert select(dataset, Selection(ids=[mine[0], other[0]], source="b")) == other[:1]
    with pytest.raises(Refusal, match="meets all conditions") as caught:
        select(dataset, Selection(source="b", file="two*"))
    assert caught.value.exit_code == 1


def test_unknown_names_are_refused(two: Path) -> None:
    with pytest.raises(Refusal, match="the sources of texts are a, b"):
        select(Dataset(str(two)), Selection(source="c"))
    with pytest.raises(Refusal, match="keeps no such column"):
        select(Dataset(str(two)), Selection(match={"url": "*"}))


def test_kept_columns_and_licences_are_matched_as_wholes(
    text_tree: Any, prepared: Any, makers: Any, tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = [
        {"url": "https://a.org/1", "n": 3, "lic": "cc0"},
        {"url": "https://b.org/a.org", "n": 4, "lic": "cc-by"},
        {"lic": "cc0"},
        {"url": None, "n": None, "lic": ""},
    ]
    lines = [json.dumps(row | {"text": makers.words(i, 20)}) for i, row in enumerate(rows)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    source = {"name": "a", "kind": "jsonl", "path": str(tmp_path / "a.jsonl"), "text": "text", "license": "lic"}
    prepared(text_tree(tmp_path / "out", sources=[source | {"keep": ["url", "n"]}]))
    dataset = Dataset(str(tmp_path / "out"))
    row_of = {each: pieces[0]["row"] for each, pieces in documents(tmp_path / "out").items()}

    def met(**match: str) -> list[int]:
        return sorted(row_of[each] for each in select(dataset, Selection(match=match)))

    assert met(url="https://a.org/*") == [0]
    assert met(url="*a.org*", n="4") == [1]
    assert met(license="cc0") == [0, 2]
    assert met(license="cc*", url="*b.org*") == [1]
    for none in ({"url": "a.org"}, {"url": "https://A.org/1"}):
        with pytest.raises(Refusal, match="meets all conditions"):
            met(**none)
    with pytest.raises(Refusal, match="It has license, n, url; others"):
        met(text="*")
    gone = select(dataset, Selection(match={"url": "https://a.org/*"}))
    take_down(str(tmp_path / "out"), gone)
    sound(tmp_path / "out")
    assert sorted(row_of[each] for each in documents(tmp_path / "out")) == [1, 2, 3]


def test_every_kind_is_counted_by_source(made: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(made, tmp_path / "out", ignore=shutil.ignore_patterns("_work")))
    dataset = Dataset(str(out))
    chosen = select(dataset, Selection(source="stamps"))
    found = removal(dataset, chosen)
    samples = dataset.manifest.statistics.sources["stamps"]
    assert found.sources["stamps"] == (samples.samples, sum(samples.tokens.values()))
    assert sum(line.tokens for line in take_down(str(out), chosen).rewritten) == sum(
        tokens for _, tokens in found.sources.values()
    )
