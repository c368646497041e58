"""A look at a run: what it finds, what it refuses, and that it reads heads only."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.prepare import prepare
from triptych.pipelines.preview.extent import HEAD_FILES, spread
from triptych.pipelines.preview.preview import HEAD_ROWS, preview
from triptych.schemas.config.load import check
from triptych.schemas.config.run import RunConfig
from triptych.schemas.errors import Refusal

Tree = dict[str, Any]


def look(tree: Tree) -> dict[str, Any]:
    return preview(check(RunConfig, tree, "test"))


def lines_source(folder: Path, files: int, rows: int, **changes: Any) -> Tree:
    folder.mkdir(exist_ok=True)
    for part in range(files):
        lines = [json.dumps({"text": f"text number {i} of file {part}", "id": i}) for i in range(rows)]
        (folder / f"{part:04d}.jsonl").write_text("\n".join(lines) + "\n")
    return {"name": "lines", "kind": "jsonl", "path": f"{folder}/*.jsonl", "text": "text"} | changes


def test_all_three_modalities(tree: Callable[..., Tree], tmp_path: Path) -> None:
    facts = look(tree(tmp_path / "out"))
    docs, stamps, prompts = facts["sources"]
    assert [source["rows"] for source in facts["sources"]] == [120, 24, 18]
    assert all(source["exact"] for source in facts["sources"])
    assert [source["head"]["kept"] for source in facts["sources"]] == [96, 24, 18]
    assert [source["columns"] for source in facts["sources"]] == [["text"], ["png", "txt"], ["audio", "text"]]
    assert stamps["sample"]["pixels"] == [40, 36]
    assert (prompts["sample"]["seconds"], prompts["sample"]["rate"]) == (0.3, 16000)
    assert docs["sample"]["characters"] > len(docs["sample"]["text"])
    assert "measured on the heads" in facts["grounds"]["text"]
    assert facts["empty"] == []
    assert not (tmp_path / "out").exists()


def test_the_estimate_of_tokens_is_near_the_run(
    tree: Callable[..., Tree], prepared: Callable[[Tree], Any], tmp_path: Path
) -> None:
    whole = tree(tmp_path / "out")
    expected = look(whole)["tokens"]
    found: dict[str, int] = {}
    for source in prepared(whole).statistics.sources.values():
        for modality, count in source.tokens.items():
            found[modality] = found.get(modality, 0) + count
    for modality, count in found.items():
        assert expected[modality] == pytest.approx(count, rel=0.25), modality


def test_a_head_of_a_few_files_stands_for_all(text_tree: Callable[..., Tree], tmp_path: Path, monkeypatch: Any) -> None:
    import fsspec

    source = lines_source(tmp_path / "many", 200, 30)
    opened: list[str] = []
    open_ = fsspec.open

    def watched(path: str, *more: Any, **options: Any) -> Any:
        opened.append(path)
        return open_(path, *more, **options)

    monkeypatch.setattr(fsspec, "open", watched)
    facts = look(text_tree(tmp_path / "out", sources=[source]))["sources"][0]
    assert len({path for path in opened if path.endswith(".jsonl")}) == HEAD_FILES
    assert facts["files"] == 200
    assert facts["rows"] == pytest.approx(6000, rel=0.05)
    assert not facts["exact"]
    assert facts["head"]["rows"] <= HEAD_ROWS


def test_a_large_file_is_measured_by_its_first_bytes(text_tree: Callable[..., Tree], tmp_path: Path) -> None:
    source = lines_source(tmp_path / "large", 1, 60_000)
    facts = look(text_tree(tmp_path / "out", sources=[source]))["sources"][0]
    assert facts["rows"] == pytest.approx(60_000, rel=0.05)
    assert facts["ground"] == "from 1 of 1 files, by their sizes"
    source["limit"] = 1000
    facts = look(text_tree(tmp_path / "out", sources=[source]))["sources"][0]
    assert (facts["rows"], facts["exact"]) == (1000, True)


def test_dropped_rows_of_the_head_are_counted_by_reason(text_tree: Callable[..., Tree], tmp_path: Path) -> None:
    source = lines_source(tmp_path / "bad", 1, 10)
    with open(tmp_path / "bad/0000.jsonl", "a") as file:
        file.write('{"text": ""}\n{broken\n{"text": null}\n{"text": "short"}\n')
    rules = [{"name": "text_length", "min_chars": 10}]
    facts = look(text_tree(tmp_path / "out", sources=[source], filters=rules))["sources"][0]
    assert facts["head"]["dropped"] == {"text_empty": 1, "json_invalid": 1, "text_missing": 1, "text_length": 1}
    assert facts["head"]["kept"] == 10
    assert facts["dropped_example"]["row"] in (10, 11, 12, 13)


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "missing/*.jsonl"},
        {"path": "missing.jsonl"},
        {"kind": "parquet", "path": "table.parquet", "text": "nothing"},
        {"kind": "folder", "path": ".", "text": "nothing"},
        {"kind": "datasets", "path": "no/such"},
    ],
)
def test_what_prepare_refuses_is_refused_in_the_same_words(
    text_tree: Callable[..., Tree], tmp_path: Path, changes: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from triptych.pipelines.engines.journal import Journal

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pq.write_table(pa.table({"text": ["a"]}), "table.parquet")
    (tmp_path / "metadata.csv").write_text("file_name,text\na.png,words\n")
    config = check(RunConfig, text_tree("out", sources=[{"name": "s", "kind": "jsonl", "text": "text"} | changes]), "t")
    with pytest.raises(Refusal) as ours:
        preview(config)
    with pytest.raises(Refusal) as theirs:
        prepare(config, Journal())
    assert (str(ours.value), ours.value.exit_code) == (str(theirs.value), theirs.value.exit_code)


def test_tokenizers_that_cannot_be_loaded_are_refused(text_tree: Callable[..., Tree], tmp_path: Path) -> None:
    (tmp_path / "bad.model").write_bytes(b"no model")
    for path, words in (
        (tmp_path / "bad.model", "is not a SentencePiece model"),
        (tmp_path / "none", "does not exist"),
    ):
        tree = text_tree(tmp_path / "out", tokenizers={"text": {"kind": "sentencepiece", "path": str(path)}})
        with pytest.raises(Refusal, match=words):
            look(tree)


def test_a_source_that_keeps_nothing_is_named(tree: Callable[..., Tree], tmp_path: Path, makers: Any) -> None:
    makers.write_tar(tmp_path / "0.tar", {f"{i}.{kind}": b"no image" for i in range(3) for kind in ("png", "txt")})
    whole = tree(tmp_path / "out")
    whole["sources"][1]["path"] = str(tmp_path / "0.tar")
    facts = look(whole)
    assert facts["empty"] == ["stamps"]
    assert facts["sources"][1]["sample"] is None
    assert facts["sources"][1]["head"]["dropped"] == {"image_undecodable": 3}


def test_evaluation_sets_are_looked_at_but_not_counted(text_tree: Callable[..., Tree], tmp_path: Path) -> None:
    held_out = lines_source(tmp_path / "held", 1, 5, name="held")
    facts = look(text_tree(tmp_path / "out", decontaminate=[held_out]))
    assert [source["evaluation"] for source in facts["sources"]] == [False, True]
    assert facts["tokens"] == look(text_tree(tmp_path / "out"))["tokens"]


def test_spread_takes_the_first_and_the_last() -> None:
    assert spread(3, 8) == [0, 1, 2]
    assert spread(100, 4) == [0, 33, 66, 99]
