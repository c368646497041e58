"""`triptych watch`: a training and a preparation, on a screen of 80 columns and as lines."""

import io
import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from triptych.cli.browse.items import Item
from triptych.cli.watch import Watched
from triptych.cli.watch_preparation import WatchedPreparation
from triptych.cli.watch_training import WatchedTraining
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.progress_file import PROGRESS, ProgressFile, RunProgress
from triptych.schemas.console import VisibleConsole
from triptych.schemas.dataset.ledger import Tally
from triptych.schemas.storage.store import Store

TRAINED = Path(__file__).parents[1] / "golden" / "e4f0899" / "trained"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run: that of the golden tests, which stopped in the middle, with the last line for the other steps."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(TRAINED / "run.json", folder)
    lines = [json.loads(line) for line in (TRAINED / "metrics.jsonl").read_text().splitlines()]
    tokens = lines[-1]["tokens"] // lines[-1]["step"]
    lines += [lines[-1] | {"step": step, "tokens": tokens * step} for step in range(lines[-1]["step"] + 1, 21)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def drawn(watched: Watched, encoding: str = "utf-8") -> list[str]:
    """The lines of a screen of 80 columns."""
    sink = io.TextIOWrapper(io.BytesIO(), encoding, errors="backslashreplace")
    console = VisibleConsole(width=80)
    console.file = sink
    console.print(watched.screen(console))
    sink.flush()
    assert isinstance(sink.buffer, io.BytesIO)
    return sink.buffer.getvalue().decode(encoding).splitlines()


def test_a_finished_training_is_told_once(triptych: Callable[..., Any], run: Path) -> None:
    said = triptych("watch", run)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("step 10, validation on held-out documents")
    assert lines[1].startswith("step 20 of 20: loss ")
    assert lines[1].endswith(", 0 s left")
    assert f"{run}: finished" in lines
    assert any(line.startswith("Held-out text: ") for line in lines)
    facts = json.loads(triptych("watch", run, "--json").out)
    assert (facts["state"], facts["step"], facts["steps"], facts["seconds_left"]) == ("finished", 20, 20, 0.0)


def test_a_training_is_followed_line_by_line(
    triptych: Callable[..., Any], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    trained = [line for line in written if "split" not in json.loads(line)]
    rest = iter(trained[2:])
    (run / "metrics.jsonl").write_text("".join(trained[:2]))

    def write_on(seconds: float) -> None:
        with (run / "metrics.jsonl").open("a") as file:
            file.write(next(rest))

    monkeypatch.setattr(time, "sleep", write_on)
    said = triptych("watch", run)
    steps = [line.split()[1] for line in said.out.splitlines() if line.startswith("step ") and " of " in line]
    assert steps == [str(json.loads(line)["step"]) for line in trained[1:]]
    assert f"{run}: training" in said.out.splitlines()
    assert f"{run}: finished" in said.out.splitlines()
    assert " left" in said.out


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_training_fits_80_columns(encoding: str, run: Path) -> None:
    watched = WatchedTraining(Item(0, str(run), "run"))
    assert watched.look()
    lines = drawn(watched, encoding)
    assert max(map(len, lines[1:])) <= 80  # the first is the path of the run
    shown = "\n".join(lines[1:])
    assert "finished: step 20 of 20" in shown
    assert "Bits per token" in shown
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert all(f"{value:.3f}" in shown for value in last["nelbo"].values())
    assert "…" not in shown
    assert "\\u" not in shown


def journal_in_the_middle() -> tuple[Journal, Any]:
    """A journal with a finished step and one in which 3 of 10 partitions are done, 2 of them before."""
    journal = Journal()
    with journal.step("read", 4, 0) as step:
        for _ in range(4):
            step.advance("worker-1", 10**9, rows=100)
    journal.tallies.append(Tally(source="docs", stage="read", rows_in=400, kept=380, dropped={"text_empty": 20}))
    journal.say("a worker was lost")
    running = journal.step("tokenize", 10, 2)
    running.__enter__().advance("worker-2", 10**9, rows=50, tokens=5000)
    return journal, running


def test_a_preparation_is_followed_until_it_fails(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    journal, _ = journal_in_the_middle()
    file = ProgressFile(store, journal, "dask")
    file.update(True)
    watched = WatchedPreparation("out", store)
    assert not watched.look()
    shown = "\n".join(lines := drawn(watched))
    assert max(map(len, lines)) <= 80
    assert "preparation: running" in shown
    assert "3/10" in shown
    assert "2 worker processes, at most 1.0 GB of memory each" in shown
    assert "dropped so far: 20 text_empty" in shown
    news = watched.news()
    assert news[0].startswith("read: 4 of 4 partitions, ")
    assert news[1].startswith("tokenize: 3 of 10 partitions, ")
    assert news[1].endswith(" left")
    assert news[2:] == ["a worker was lost", "out: running"]
    watched.look()
    assert watched.news() == []
    file.finish(ValueError("the disk\nis gone"))
    assert watched.look()
    assert watched.news()[-2:] == ["out: failed", "It ended: the disk is gone"]
    assert "The same command goes on where it stopped." in drawn(watched)


def test_a_preparation_that_ends_well_leaves_no_file(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    journal, _ = journal_in_the_middle()
    file = ProgressFile(store, journal, "serial")
    file.update(True)
    watched = WatchedPreparation("out", store)
    watched.look()
    store.write("manifest.json", b"{}")
    file.finish(None)
    assert not store.exists(PROGRESS)
    assert watched.look()
    assert watched.news()[-1] == "out: finished"


def test_a_preparation_that_was_killed_is_told(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    journal, _ = journal_in_the_middle()
    ProgressFile(store, journal, "serial").update(True)
    progress = RunProgress.read(store)
    assert progress is not None
    long_ago = progress.model_copy(update={"written": datetime.now(UTC) - timedelta(hours=1)})
    store.write(PROGRESS, long_ago.model_dump_json().encode())
    watched = WatchedPreparation("out", store)
    assert not watched.look()
    assert watched.facts()["state"] == "running, or stopped: its state was not written lately"


def test_a_finished_dataset_is_nothing_to_follow(triptych: Callable[..., Any], made: Path) -> None:
    said = triptych("watch", made)
    assert said.code == 2
    assert f"Run: triptych stats {made}" in said.err


def test_a_run_that_is_refused_says_why(triptych: Callable[..., Any], text_tree: Any, tmp_path: Path) -> None:
    import yaml

    tree = text_tree(tmp_path / "out", filters=[{"name": "text_length", "min_words": 10_000}])
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree))
    assert triptych("prepare", tmp_path / "run.yaml").code == 1
    said = triptych("watch", tmp_path / "out")
    assert said.code == 0
    assert "It ended: " in said.out
    assert "text_length" in said.out
    tree["filters"] = []
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree))
    done = triptych("prepare", tmp_path / "run.yaml")
    assert done.code == 0
    assert done.err.splitlines()[0] == f"preparing texts in {tmp_path / 'out'}, engine serial: docs"
    assert "pack begins" in done.err
    assert any(line.startswith("pack: ") and " done in " in line for line in done.err.splitlines())
    assert not Store(str(tmp_path / "out")).exists(PROGRESS)
