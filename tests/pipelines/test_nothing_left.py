"""A run, or a source, of which nothing is left is refused with the reason that took its rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.prepare import prepare
from triptych.schemas.config.load import check
from triptych.schemas.config.run import RunConfig
from triptych.schemas.errors import Refusal


def source(name: str, path: Path) -> dict[str, Any]:
    return {"name": name, "kind": "jsonl", "path": str(path), "text": "text"}


@pytest.fixture
def good(makers: Any, tmp_path: Path) -> dict[str, Any]:
    makers.write_docs(tmp_path / "good.jsonl", [makers.words(i, 30) for i in range(40)])
    return source("good", tmp_path / "good.jsonl")


@pytest.fixture
def wrong(tmp_path: Path) -> dict[str, Any]:
    """A source whose column has another name, but for one row that is no JSON."""
    (tmp_path / "wrong.jsonl").write_text("{\n" + '{"body": "a"}\n' * 5)
    return source("wrong", tmp_path / "wrong.jsonl")


@pytest.mark.parametrize("tokenizers", ["given", "trained"])
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside another"])
def test_the_reason_is_named_with_three_examples(
    text_tree: Any, prepared: Any, good: Any, wrong: Any, tmp_path: Path, tokenizers: str, beside: bool
) -> None:
    changes = {"tokenizers": {"text": {"kind": "sentencepiece", "vocab_size": 400}}} if tokenizers == "trained" else {}
    tree = text_tree(tmp_path / "out", sources=[good, wrong] if beside else [wrong], **changes)
    with pytest.raises(Refusal) as caught:
        prepared(tree)
    assert caught.value.exit_code == 1
    message = str(caught.value)
    assert message.startswith(f"nothing is left of {'wrong' if beside else 'any source'}, so no dataset was written")
    assert "wrong had 6 rows, of which the stage read dropped 5 as text_missing" in message
    examples = [f"wrong.jsonl, row {row}: has body" for row in (1, 2, 3)]
    assert f"({'; '.join(examples)})" in message
    assert not (tmp_path / "out/manifest.json").exists()


@pytest.mark.parametrize("text", ["\n", '{"text": "  "}\n'])
def test_a_source_without_rows_is_refused(text_tree: Any, prepared: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "none.jsonl").write_text(text)
    with pytest.raises(Refusal, match="nothing is left of any source") as caught:
        prepared(text_tree(tmp_path / "out", sources=[source("none", tmp_path / "none.jsonl")]))
    words = "none holds no row" if text == "\n" else "none had 1 rows, of which the stage normalise dropped 1 as"
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"filters": [{"name": "text_length", "min_words": 1000}]}, "filter dropped 40 as text_length"),
        ({"sources": "twice", "dedup": {"text": {"exact": True}}}, "dedup-text dropped 40 as exact_duplicate"),
    ],
)
def test_later_stages_are_named_as_well(
    text_tree: Any, prepared: Any, good: Any, tmp_path: Path, changes: dict[str, Any], stage: str
) -> None:
    twice = [good | {"priority": 1}, good | {"name": "again"}]
    changes = changes | {"sources": twice if "sources" in changes else [good]}
    with pytest.raises(Refusal, match=stage):
        prepared(text_tree(tmp_path / "out", **changes))


def test_pairs_too_long_for_a_row_are_nothing(tree: Any, prepared: Any, sources: Any, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="the stage pack dropped"):
        prepared(tree(tmp_path / "out", sources=sources[1:2], row_length=22))


def test_the_dataset_before_stays(text_tree: Any, prepared: Any, good: Any, wrong: Any, tmp_path: Path) -> None:
    prepared(text_tree(tmp_path / "out", sources=[good]))
    before = (tmp_path / "out/manifest.json").read_bytes()
    with pytest.raises(Refusal):
        prepared(text_tree(tmp_path / "out", sources=[good, wrong]))
    assert (tmp_path / "out/manifest.json").read_bytes() == before


def test_the_ledger_has_what_an_interrupted_step_has_committed(
    text_tree: Any, good: Any, wrong: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triptych.pipelines.engines.journal import Journal
    from triptych.pipelines.sources.read import ReadUnit

    calls: list[object] = []
    read: Callable[..., Any] = ReadUnit.__call__

    def stop(self: ReadUnit, item: Any) -> Any:
        calls.append(item)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return read(self, item)

    monkeypatch.setattr(ReadUnit, "__call__", stop)
    journal = Journal()
    with pytest.raises(KeyboardInterrupt):
        prepare(check(RunConfig, text_tree(tmp_path / "out", sources=[wrong, good]), "test"), journal)
    tallies = [tally for tally in journal.tallies if tally.stage == "read"]
    assert sum(tally.rows_in for tally in tallies) == 6
    assert sum(tally.dropped.get("text_missing", 0) for tally in tallies) == 5
