"""Benchmarks as they are published, small ones, on runs that know nothing: what is read, and what is said of it."""

import json
import zipfile
from collections.abc import Callable
from math import log2
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.errors import Refusal
from triptych.train.evaluate.likelihood.benchmark_files import arc, blimp, lambada
from triptych.train.evaluate.likelihood.benchmarks import (
    benchmark_context,
    benchmark_files,
    evenly_spaced,
    longest_text,
)
from triptych.train.evaluate.report.metric import Metric
from triptych.train.generate.generator import Generator


def write_suite(folder: Path, words: Callable[[int, int], str]) -> None:
    labels = ["A", "B", "C", "D"]
    questions = [
        {
            "question": words(i, 5),
            "choices": {"text": [words(10 * i + j, 2) for j in range(4)], "label": labels},
            "answerKey": labels[i % 4],
        }
        for i in range(12)
    ]
    (folder / "arc_easy_test.jsonl").write_text("".join(json.dumps(one) + "\n" for one in questions))
    passages = [{"text": f"{words(i, 8)} {words(i, 1).strip()}"} for i in range(6)]
    (folder / "lambada_test.jsonl").write_text("".join(json.dumps(one) + "\n" for one in passages))
    (folder / "wikitext2_test.txt").write_text(words(0, 900))
    with zipfile.ZipFile(folder / "BLiMP.zip", "w") as archive:
        for name in ("data/one.jsonl", "data/two.jsonl"):
            lines = [{"sentence_good": words(i, 5), "sentence_bad": words(i + 50, 5)} for i in range(4)]
            archive.writestr(name, "".join(json.dumps(line) + "\n" for line in lines))
        archive.writestr("__MACOSX/data/._one.jsonl", b"\0\1")


@pytest.fixture
def suite(tmp_path: Path, makers: Any) -> Path:
    write_suite(tmp_path, makers.words)
    return tmp_path


def benchmark_metrics(generator: Generator, folder: Path, limit: int | None = None, passes: int = 4) -> list[Metric]:
    context = benchmark_context(generator, limit, passes)
    return [row for path, one in benchmark_files(folder).items() for row in one.measure(path, context)]


def by_name(rows: list[Metric]) -> dict[tuple[str, str], Metric]:
    return {(row.name, row.unit): row for row in rows}


@pytest.mark.parametrize("kind", ["masked", "autoregressive"])
def test_every_benchmark_has_its_figures(generators: dict[str, Generator], suite: Path, kind: str) -> None:
    generator = generators[kind]
    rows = by_name(benchmark_metrics(generator, suite, passes=4))
    assert {row.group for row in rows.values()} == {"benchmarks"}
    assert [rows[name, "accuracy"].n for name in ("ARC easy", "BLiMP", "LAMBADA")] == [12, 8, 6]
    assert rows["ARC easy", "accuracy"].floor == 0.25
    assert rows["BLiMP", "accuracy"].floor == 0.5
    assert all(
        row.interval and row.interval[0] <= row.value <= row.interval[1]
        for row in rows.values()
        if row.unit == "accuracy"
    )
    wikitext, text = rows["WikiText-2", "bits per byte"], (suite / "wikitext2_test.txt").read_text()
    codes, _ = generator.bundle.text.encode([text])
    bits = log2(rows["WikiText-2", "perplexity a token"].value) * len(codes)
    assert wikitext.value * len(text.encode()) == pytest.approx(bits)
    assert 0.5 < bits / len(codes) / log2(generator.vocabulary.text) < 1.2
    assert wikitext.n == -(-len(codes) // (longest_text(generator) - 2))


def test_a_limit_takes_items_from_all_over(generators: dict[str, Generator], suite: Path) -> None:
    rows = by_name(benchmark_metrics(generators["masked"], suite, limit=3, passes=4))
    assert {row.n for row in rows.values()} == {3}
    assert evenly_spaced(list(range(10)), 3) == [0, 3, 6]
    assert evenly_spaced([1, 2], None) == evenly_spaced([1, 2], 5) == [1, 2]


def test_files_are_read_as_they_are_published(suite: Path) -> None:
    questions = arc(suite / "arc_easy_test.jsonl")
    assert [question.right for question in questions[:5]] == [0, 1, 2, 3, 0]
    assert all(pair[0].startswith("Question: ") and pair[0].endswith("\nAnswer:") for pair in questions[0].pairs)
    assert len(blimp(suite / "BLiMP.zip")) == 8
    for context, word in lambada(suite / "lambada_test.jsonl"):
        assert word.startswith(" ")
        assert len(word.split()) == 1
        assert context


def test_a_folder_without_benchmarks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="holds no benchmark"):
        benchmark_files(tmp_path)
