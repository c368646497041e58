"""Cleaning filters before it deduplicates and decontaminates last, so no row is lost for the sake of a dropped one."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from triptych.pipelines.clean import Cleaned, select
from triptych.pipelines.clean import clean as clean_selected
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit, load
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.steps import Given
from triptych.pipelines.row_list import LISTS
from triptych.schemas.config.run import RunConfig
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store


def raw(engine: Serial, source: str, texts: list[str]) -> list[Partition]:
    """Rows as `read` leaves them, two to a part."""
    parts = []
    for start in range(0, len(texts), 2):
        few = texts[start : start + 2]
        columns = {
            "id": pa.array([f"{source:8.8}{start + at:8d}".encode() for at in range(len(few))], pa.binary(16)),
            "source": pa.array([source] * len(few)),
            "kind": pa.array(["text"] * len(few)),
            "file": pa.array([f"{source}.jsonl"] * len(few)),
            "row": pa.array(range(start, start + len(few)), pa.int64()),
            "text": pa.array(few),
        }
        key, note = f"{source}-{start}", {"source": source, "text_bytes": 0}
        name = f"_work/read/{key}.arrow"
        commit(engine.store, name, Outcome(pa.table(columns), DROPPED.empty_table(), note=note))
        parts.append(Partition(key, ((name, None),), len(few), note=note))
    return parts


def config(**blocks: Any) -> RunConfig:
    listed = [{"name": name, "kind": "jsonl", "path": name, "text": "text"} for name in ("docs", "more")]
    return RunConfig.model_validate({"name": "run", "out": "out", "sources": listed} | blocks)


def clean(
    engine: Serial, run: RunConfig, rows: dict[str, list[Partition]]
) -> tuple[dict[str, list[Partition]], Cleaned]:
    return clean_selected(engine, run, select(engine, run, {name: Given(parts) for name, parts in rows.items()}))


def left(engine: Serial, rows: dict[str, list[Partition]]) -> dict[str, list[str]]:
    return {name: [t for p in parts for t in load(engine.store, p)["text"].to_pylist()] for name, parts in rows.items()}


def test_a_row_stays_when_a_larger_duplicate_of_it_is_filtered(tmp_path: Path) -> None:
    engine = Serial(Store(str(tmp_path)), Journal())
    texts = {"docs": ["the cat  sat     down", "other"], "more": ["The cat sat down", "the cat sat down", "third"]}
    rows = {name: raw(engine, name, some) for name, some in texts.items()}
    both = config(filters=[{"name": "text_length", "max_chars": 16}], dedup={"text": {}})
    remaining, found = clean(engine, both, rows)
    # the longest of the three would survive as the largest, were it not dropped before
    assert left(engine, remaining) == {"docs": ["other"], "more": ["The cat sat down", "third"]}
    assert [(report.clusters, report.dropped) for report in found.dedup] == [(1, {"exact_duplicate": 1})]
    assert pq.read_table(io.BytesIO(engine.store.read(f"{LISTS}/{found.duplicates.file}")))["row"].to_pylist() == [0, 1]
    stages = {(tally.stage, tally.source): sum(tally.dropped.values()) for tally in engine.journal.tallies}
    assert stages[("filter", "docs")] == 1
    assert "decontaminate" not in {stage for stage, _ in stages}


def test_what_is_in_an_evaluation_set_goes_after_its_duplicates(tmp_path: Path) -> None:
    engine = Serial(Store(str(tmp_path)), Journal())
    question = " ".join(f"word{number}" for number in range(15))
    texts = {"docs": [question, "other"], "more": [question, f"so {question}"], "quiz": [question.upper()]}
    rows = {name: raw(engine, name, some) for name, some in texts.items()}
    quiz = [{"name": "quiz", "kind": "jsonl", "path": "quiz", "text": "text"}]
    remaining, found = clean(engine, config(dedup={"text": {}}, decontaminate=quiz), rows)
    assert left(engine, remaining) == {"docs": ["other"], "more": []}
    (report,) = found.decontamination
    assert (report.rows, report.hits) == (1, {"docs": {"text": 1}, "more": {"text": 1}})


def test_nothing_asked_for_leaves_all_rows(tmp_path: Path) -> None:
    engine = Serial(Store(str(tmp_path)), Journal())
    texts = {"docs": ["same", "same", ""], "more": ["same"]}
    remaining, found = clean(engine, config(), {name: raw(engine, name, some) for name, some in texts.items()})
    assert left(engine, remaining) == texts
    assert (found.dedup, found.decontamination) == ((), ())
