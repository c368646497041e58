"""A run is few Beam jobs, whatever it does, and gives the bytes of the serial engine."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.pack.shard_marks import MARKS
from triptych.pipelines.prepare import prepare
from triptych.schemas.config.load import check
from triptych.schemas.config.run import RunConfig

MOST_JOBS = 6
DEDUP = {"text": {"near": {"threshold": 0.8}}, "image": {"near": {"radius": 6}}, "audio": {"near": True}}


class Told(Journal):
    """Keeps what each job was for."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[str] = []

    def say(self, message: str) -> None:
        if job := re.fullmatch(r"Beam job (\d+): (.*)", message):
            self.jobs.append(job[2])
            assert int(job[1]) == len(self.jobs)


def jobs_of(tree: dict[str, Any]) -> list[str]:
    journal = Told()
    prepare(check(RunConfig, tree, "test"), journal)
    return journal.jobs


@pytest.fixture(scope="module")
def whole(tree: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """A run of all modalities with filters, comparisons and an evaluation set."""
    held_out = tmp_path_factory.mktemp("held-out") / "quiz.jsonl"
    held_out.write_text(json.dumps({"text": " ".join(f"word{number}" for number in range(20))}))
    quiz = {"name": "quiz", "kind": "jsonl", "path": str(held_out), "modality": "text", "text": "text"}
    filters = [{"name": "text_length", "min_chars": 2}]
    return lambda out, **changes: tree(out, filters=filters, decontaminate=[quiz], partition_bytes=8192, **changes)


@pytest.mark.parametrize(("pairs", "turns"), [("media", 1), ("either", 2)])
def test_a_run_takes_six_jobs_and_one_more_for_each_further_turn_of_comparisons(
    whole: Callable[..., Any], prepared: Any, contents: Any, tmp_path: Path, pairs: str, turns: int
) -> None:
    changes = {"dedup": DEDUP | {"pairs": pairs}}
    prepared(whole(tmp_path / "serial", **changes))
    jobs = jobs_of(whole(tmp_path / "beam", engine={"kind": "beam"}, **changes))
    assert contents(tmp_path / "beam") == contents(tmp_path / "serial")
    assert len(jobs) == MOST_JOBS + turns - 1, jobs
    comparing = [job for job in jobs if "sign-" in job]
    assert len(comparing) == turns
    for name in ("sign-image", "sign-audio", "sign-text", "components", "duplicates"):
        assert name in comparing[0]
    # what is committed needs no job, but inputs and shards are looked at again
    again = jobs_of(whole(tmp_path / "beam", engine={"kind": "beam"}, **changes))
    assert set(again) <= {"inputs", "shards"}


def test_a_run_of_texts_without_comparisons_takes_five(text_tree: Any, tmp_path: Path) -> None:
    jobs = jobs_of(text_tree(tmp_path / "out", engine={"kind": "beam"}))
    assert [job.split(", ")[0] for job in jobs] == ["inputs", "read", "tokenizers", "text", "shuffle"]


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory, makers: Any) -> dict[str, Any]:
    """A source of texts, half of which are copies of others, or nearly."""
    folder = tmp_path_factory.mktemp("copies")
    for file in range(4):
        texts = [makers.words(number, 80) + f" {file}" * (number % 3) for number in range(file, file + 8)]
        makers.write_docs(folder / f"{file}.jsonl.gz", texts)
    return {"name": "docs", "kind": "jsonl", "path": f"{folder}/*.jsonl.gz", "modality": "text", "text": "text"}


@pytest.mark.parametrize("lost", ["sign-text", "shuffle", "near-edges", "components", "labels", "duplicates"])
def test_a_job_goes_on_where_one_was_interrupted(
    text_tree: Any, prepared: Any, contents: Any, copies: dict[str, Any], tmp_path: Path, lost: str
) -> None:
    """Whatever part of the work is there, the rest is done and what is there stays."""
    changes = {"dedup": {"text": {"near": {"threshold": 0.8}}}, "engine": {"kind": "beam"}, "sources": [copies]}
    out = tmp_path / "out"
    prepared(text_tree(out, **changes))
    expected = contents(out)
    for path in sorted((out / "_work" / lost).iterdir())[::2]:
        path.unlink()
    for stage in ("dedup-text", "text", "pack"):
        shutil.rmtree(out / "_work" / stage)
    (out / "manifest.json").unlink()
    # but what says when the shards were written
    kept = {path: path.stat().st_mtime_ns for path in (out / "_work").rglob("*.arrow") if path != out / MARKS}
    prepared(text_tree(out, **changes))
    assert contents(out) == expected
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
