"""What this version makes is what the version before made; what that one left opens, verifies, resumes and samples."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.cli.main import cli

from .runs import ENGINES, FIXTURES, HERE, of_dataset, prepare, sample, train

GOLDEN = json.loads((HERE / "golden.json").read_text())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the run file, the train file and what they name, as the working directory."""
    folder = Path(shutil.copytree(HERE / "home", tmp_path / "home"))
    monkeypatch.chdir(folder)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield folder
    torch.set_num_threads(threads)


def command(*arguments: str) -> None:
    cli.main(list(arguments), standalone_mode=False)


def same(facts: dict[str, Any], *, rows: bool = True) -> None:
    """Hold a dataset against the golden values; its own fingerprint covers Parquet, so it needs the same pyarrow.

    Args:
        facts: Those of the dataset.
        rows: False for a dataset of another version of the rows, whose shards hold the same in other bytes.
    """
    golden = dict(GOLDEN["dataset"])
    if not rows:
        for each in (golden, facts):
            del each["fingerprint"]
            each["shards"] = [[group, count] for group, _, count, _ in each["shards"]]
        assert facts == golden
        return
    if facts["fingerprint"][0] != golden["fingerprint"][0]:
        del golden["fingerprint"], facts["fingerprint"]
    assert facts == golden


ADDED = {"clipped"}  # of the lines of steps; the recorded version did not write it


def same_lines(lines: list[dict[str, Any]], golden: list[dict[str, Any]]) -> None:
    """Hold logged lines against others: sums of floats may round otherwise on another processor."""
    assert [line["step"] for line in lines] == [line["step"] for line in golden]
    for line, wanted in zip(lines, golden, strict=True):
        assert line.keys() == wanted.keys() | (set() if "split" in line else ADDED)
        for key, value in wanted.items():
            nested = isinstance(value, dict)
            for name, number in value.items() if nested else [(key, value)]:
                found = line[key][name] if nested else line[key]
                if isinstance(number, dict | str):
                    assert nested or found == number
                else:
                    assert found == pytest.approx(number, rel=1e-3, abs=1e-6), (line["step"], key, name)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_makes_the_same_dataset(home: Path, engine: str, request: pytest.FixtureRequest) -> None:
    if engine == "dask":
        request.getfixturevalue("quick_workers")
    same(prepare(command, engine))


def test_a_training_has_the_same_losses(home: Path) -> None:
    shutil.copytree(FIXTURES / "serial", "serial")
    # these keys had no names, and these values
    before = ("optimizer.kind=adamw", "objective={kind: masked, weighting: bound}")
    model = ("model.embedding_std=0.02", "model.head_bias=false")
    same_lines(train(command, *before, *model), GOLDEN["train"])


def test_a_model_has_the_same_samples(home: Path) -> None:
    assert sample(command) == GOLDEN["samples"]


def test_a_finished_dataset_opens_and_verifies(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same(of_dataset(FIXTURES / "serial"), rows=False)
    shutil.copytree(FIXTURES / "serial", "serial")
    command("verify", "serial")
    command("stats", "serial", "--json")
    command("show", "serial", "--row", "0", "--out", "shown")
    assert "match the manifest" in capsys.readouterr().out
    assert list(Path("shown").iterdir())


def test_an_unfinished_run_of_another_version_is_done_anew(home: Path) -> None:
    shutil.copytree(FIXTURES / "unfinished", "unfinished")
    command("prepare", "run.yaml", "--set", "out=unfinished", "--engine", "serial")
    same(of_dataset(Path("unfinished")))
    steps = json.loads(Path("unfinished/run.json").read_text())["steps"]
    # its rows have no content, and every later stage follows the rows
    assert {step["step"] for step in steps if step["reused"]} <= {"tokenizers"}


def test_a_stopped_training_goes_on_where_it_stopped(home: Path) -> None:
    for name in ("serial", "trained"):
        shutil.copytree(FIXTURES / name, name)  # its record lacks keys that the train file leaves out as well
    begun = len(Path("trained/metrics.jsonl").read_text().splitlines())
    same_lines(train(command)[begun:], GOLDEN["train"][begun:])
