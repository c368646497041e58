"""Merged datasets are sound, hold the rows of all, and say what is in them twice."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from triptych.pipelines.handing_on.merge import merge_datasets
from triptych.pipelines.handing_on.merge_reports import merge_ledgers
from triptych.pipelines.inspection.verify import verify
from triptych.pipelines.takedown.takedown import take_down
from triptych.schemas.dataset.ledger import Tally, check_ledger
from triptych.schemas.dataset.manifest import Manifest
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Mismatch, Refusal

Make = Callable[..., Any]


@pytest.fixture
def two(text_tree: Make, prepared: Make, makers: Any, text_model: Path, tmp_path: Path) -> list[Path]:
    """Two datasets of one source name, with seven documents in both; the second has stages that the first lacks."""
    texts = [makers.words(seed, 40) for seed in range(60)]
    changes: list[dict[str, Any]] = [
        {},
        {
            "filters": [{"name": "text_length", "min_chars": 40}],
            "dedup": {"text": {"exact": True, "near": {"threshold": 0.8}}},
        },
    ]
    parts = [texts[:30], [*texts[23:60], texts[50], texts[51], texts[51], "short"]]
    folders = []
    for number, (part, change) in enumerate(zip(parts, changes, strict=True)):
        path = tmp_path / f"{number}.jsonl"
        makers.write_docs(path, [*part, ""])
        tree = text_tree(tmp_path / f"out{number}", **change)
        tree["sources"][0]["path"] = str(path)
        prepared(tree)
        folders.append(tmp_path / f"out{number}")
    return folders


def contents(folder: Path) -> Counter[bytes]:
    dataset = Dataset(str(folder))
    return Counter(segment["id"] for number in range(dataset.rows) for segment in dataset.row(number).segments)


def test_a_merged_dataset_is_sound_and_holds_all_rows(two: list[Path], tmp_path: Path) -> None:
    merged = merge_datasets([str(each) for each in two], str(tmp_path / "both"))
    dataset, findings = verify(str(tmp_path / "both"))
    assert findings == []
    assert merged.shared == 7
    assert contents(tmp_path / "both") == contents(two[0]) + contents(two[1])
    parts: list[Manifest] = [Dataset(str(each)).manifest for each in two]
    assert dataset.rows == sum(part.statistics.rows for part in parts)
    read = [tally for tally in dataset.manifest.ledger if tally.stage == "read"]
    assert [(tally.rows_in, tally.kept) for tally in read] == [(31 + 42, 31 + 42)]
    dropped = Counter({reason: n for tally in dataset.manifest.ledger for reason, n in tally.dropped.items()})
    assert dropped == {"text_empty": 2, "text_length": 1, "exact_duplicate": 3}
    assert pq.read_table(tmp_path / "both/dropped.parquet").num_rows == 6
    (report,) = dataset.manifest.dedup
    assert (report.dropped, report.clusters) == ({"exact_duplicate": 3}, 2)


def test_clusters_are_numbered_on(
    two: list[Path], makers: Any, prepared: Make, text_tree: Make, tmp_path: Path
) -> None:
    third = tmp_path / "third.jsonl"
    makers.write_docs(third, [makers.words(seed // 2, 30) for seed in range(900, 910)])
    tree = text_tree(tmp_path / "out2", dedup={"text": {"exact": True, "near": None}})
    tree["sources"][0] |= {"path": str(third), "name": "other"}
    prepared(tree)
    merged = merge_datasets([str(two[1]), str(tmp_path / "out2")], str(tmp_path / "both"))
    assert verify(str(tmp_path / "both"))[1] == []
    assert merged.shared == 0
    (report,) = merged.manifest.dedup
    assert report.clusters == 7
    rows = pq.read_table(tmp_path / "both/duplicates.parquet").to_pylist()
    survivors = {(row["cluster"], row["source"]) for row in rows if row["reason"] is None}
    assert survivors == {(number, "docs" if number < 3 else "other") for number in range(1, 8)}
    for cluster in report.largest:
        members = [(row["file"], row["row"]) for row in rows if row["cluster"] == cluster.cluster]
        assert {(each.file, each.row) for each in cluster.examples} <= set(members)
        assert len(members) == cluster.rows
    assert set(merged.manifest.inputs) == {"docs", "other"}


def test_three_modalities_with_texts_of_the_same_tokenizers(
    made: Path, given: dict[str, Any], sources: list[Any], prepared: Make, tmp_path: Path
) -> None:
    more = [source | {"name": f"{source['name']}-2", "path": source["path"].replace("*", "0")} for source in sources]
    tree = {
        "name": "more",
        "out": str(tmp_path / "more"),
        "row_length": 512,
        "engine": {"kind": "serial"},
        "sources": more,
        "tokenizers": given,
    }
    prepared(tree)
    merged = merge_datasets([str(made), str(tmp_path / "more")], str(tmp_path / "both"))
    assert verify(str(tmp_path / "both"))[1] == []
    again = {name: source.samples for name, source in merged.manifest.statistics.sources.items() if name[-2:] == "-2"}
    assert again == {"docs-2": 40, "stamps-2": 12, "prompts-2": 18}
    assert merged.shared == 70
    assert merged.manifest.name == "stamps+more"


def test_what_does_not_fit_is_refused(
    two: list[Path], made: Path, prepared: Make, text_tree: Make, tmp_path: Path
) -> None:
    out = str(tmp_path / "both")
    with pytest.raises(Mismatch, match="vocabulary differs"):
        merge_datasets([str(two[0]), str(made)], out)
    with pytest.raises(Refusal, match="Give each dataset once"):
        merge_datasets([str(two[0]), str(two[0])], out)
    prepared(text_tree(tmp_path / "long", row_length=128))
    with pytest.raises(Refusal, match="row_length differs"):
        merge_datasets([str(two[0]), str(tmp_path / "long")], out)
    with pytest.raises(Refusal, match="exists"):
        merge_datasets([str(each) for each in two], str(two[0]))
    assert not Path(out).exists()


def test_what_was_taken_down_from_one_does_not_come_back_by_the_other(two: list[Path], tmp_path: Path) -> None:
    ids = sorted(contents(two[0]))
    take_down(str(two[0]), [ids[0].hex()])
    merge_datasets([str(each) for each in two], str(tmp_path / "both"))
    assert (tmp_path / "both/takedown.txt").read_text() == f"{ids[0].hex()}\n"
    assert verify(str(tmp_path / "both"))[1] == []
    held = sorted(contents(two[1]))[0].hex()
    (two[0] / "takedown.txt").write_text(f"{held}\n")
    with pytest.raises(Refusal, match=f"{held}, which was taken down"):
        merge_datasets([str(each) for each in two], str(tmp_path / "again"))
    shutil.rmtree(tmp_path / "both")
    take_down(str(two[1]), [held])
    merge_datasets([str(each) for each in two], str(tmp_path / "both"))
    assert verify(str(tmp_path / "both"))[1] == []


def test_a_takedown_before_and_after_a_preparation_are_kept_apart() -> None:
    def tally(stage: str, given: int, lost: int = 0, tokens: int = 0) -> Tally:
        dropped = {"takedown": lost} if lost else {}
        return Tally(
            stage=stage,
            source="a",
            rows_in=given,
            kept=given - lost,
            dropped=dropped,
            tokens_in=tokens,
            tokens_kept=tokens,
        )

    one = [tally("read", 9), tally("takedown", 9, 1), tally("pack", 8, 0, 80), tally("takedown", 8, 0, 80)]
    two = [tally("read", 5), tally("filter", 5), tally("pack", 5, 0, 50)]
    merged = merge_ledgers([one, two])
    check_ledger(merged)
    assert [(each.stage, each.rows_in, each.kept, each.tokens_kept) for each in merged] == [
        ("read", 14, 14, 0),
        ("takedown", 14, 13, 0),
        ("filter", 13, 13, 0),
        ("pack", 13, 13, 130),
        ("takedown", 13, 13, 130),
    ]
