"""Rows that occur in an evaluation set are dropped, counted by set and named with what they share."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from triptych.pipelines.decontaminate.decontaminate import EXAMPLES, index_steps, reports
from triptych.pipelines.decontaminate.decontaminate import decontaminate as stage_of
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit, load
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.steps import Given, Map
from triptych.schemas.config.run import Limits, RunConfig
from triptych.schemas.dataset.decontamination import BenchmarkReport
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store


def words(name: str, count: int = 15) -> str:
    return " ".join(f"{name}{number}" for number in range(count))


def partition(engine: Serial, source: str, texts: list[str], images: list[bytes] | None = None) -> Partition:
    count = len(texts)
    columns = {
        "id": pa.array([number.to_bytes(16, "big") for number in range(count)], pa.binary(16)),
        "source": pa.array([source] * count),
        "file": pa.array([f"{source}.parquet"] * count),
        "row": pa.array(range(count), pa.int64()),
        "text": pa.array(texts),
    } | ({"image": pa.array(images, pa.binary())} if images else {})
    note = {"source": source, "text_bytes": 0}
    commit(engine.store, f"_work/read/{source}.arrow", Outcome(pa.table(columns), DROPPED.empty_table(), note=note))
    return Partition(source, ((f"_work/read/{source}.arrow", None),), count, note=note)


def config(**sets: dict[str, str]) -> RunConfig:
    def listed(columns: dict[str, dict[str, str]]) -> list[dict[str, str]]:
        return [
            {"name": name, "kind": "parquet", "path": name, "text": "text", **more} for name, more in columns.items()
        ]

    sources = listed({"docs": {}, "pairs": {"image": "image"}})
    return RunConfig.model_validate({"name": "run", "out": "out", "sources": sources, "decontaminate": listed(sets)})


def decontaminate(
    engine: Serial, rows: dict[str, list[Partition]], held_out: dict[str, list[Partition]], run: RunConfig
) -> tuple[dict[str, list[Partition]], tuple[BenchmarkReport, ...]]:
    """Index the evaluation sets, then drop what is in them."""
    sets = run.decontaminate
    indices = index_steps(sets, {name: Given(parts) for name, parts in held_out.items()}, None, Limits())
    stage = stage_of(engine.store, indices, engine.run(list(indices.values())))
    steps = {name: Map(stage, Given(parts), masks=True) for name, parts in rows.items()}
    found = engine.run(list(steps.values()))
    counts = {name: sum(part.rows for part in parts) for name, parts in held_out.items()}
    notes = [part.note for step in steps.values() for part in found[step]]
    left = {name: [part for part in found[step] if part.rows] for name, step in steps.items()}
    return left, reports(sets, counts, notes)


def test_rows_go_by_their_text_or_by_their_image(tmp_path: Path, makers: Any) -> None:
    engine = Serial(Store(str(tmp_path)), Journal())
    pictures = [makers.picture(seed) for seed in range(4)]
    rows = {
        "docs": [partition(engine, "docs", [words("a"), f"so: {words('quiz')}", words("b"), words("both")])],
        "pairs": [partition(engine, "pairs", ["one", "two", words("quiz")], pictures[:3])],
    }
    sets = config(quiz={}, show={"image": "image"})
    held_out = {
        "quiz": [partition(engine, "quiz", [words("quiz"), words("both")])],
        "show": [partition(engine, "show", [words("both"), "none"], [pictures[1], pictures[3]])],
    }
    left, reports = decontaminate(engine, rows, held_out, sets)
    texts = {
        name: [t for part in parts for t in load(engine.store, part)["text"].to_pylist()]
        for name, parts in left.items()
    }
    assert texts == {"docs": [words("a"), words("b")], "pairs": ["one"]}
    quiz, show = reports
    # a row in two sets is counted for the first of the run file
    assert (quiz.name, quiz.rows, quiz.hits) == ("quiz", 2, {"docs": {"text": 2}, "pairs": {"text": 1}})
    assert (show.name, show.rows, show.hits) == ("show", 2, {"pairs": {"image": 1}})
    assert [(hit.source, hit.row, hit.detail.split(": ")[0]) for hit in (*quiz.examples, *show.examples)] == [
        ("docs", 1, "quiz, text"),
        ("docs", 3, "quiz, text"),
        ("pairs", 2, "quiz, text"),
        ("pairs", 1, "show, image"),
    ]
    ledger = {(tally.source, tally.kept): tally.dropped for tally in engine.journal.tallies}
    assert ledger == {("docs", 2): {"in_evaluation_set": 2}, ("pairs", 1): {"in_evaluation_set": 2}}


def test_few_examples_of_many_hits_and_no_part_when_nothing_is_left(tmp_path: Path) -> None:
    engine = Serial(Store(str(tmp_path)), Journal())
    rows = {"docs": [partition(engine, "docs", [words("quiz")] * 9)]}
    held_out = {"quiz": [partition(engine, "quiz", [words("quiz")])]}
    left, (quiz,) = decontaminate(engine, rows, held_out, config(quiz={}))
    assert left == {"docs": []}
    assert (quiz.hits, len(quiz.examples)) == ({"docs": {"text": 9}}, EXAMPLES)
