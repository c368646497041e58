"""Metrics at other services: offline files of Weights & Biases, a file store of MLflow, and services that fail."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.config.load import check
from triptych.schemas.config.training import TrackerName, TrainConfig
from triptych.schemas.errors import Refusal
from triptych.train import trackers
from triptych.train.metrics import Metrics
from triptych.train.trackers import IDS, Trackers, require_trackers

TRAINED = Path(__file__).parents[1] / "golden" / "e4f0899" / "trained"
LINES: list[dict[str, Any]] = [
    {"step": 10, "loss": 2.5, "nelbo": {"text": 1.5}},
    {"step": 10, "split": "validation", "weights": "ema", "nelbo": {"text": 1.75}},
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "run.json").write_bytes((TRAINED / "run.json").read_bytes())
    return folder


def write(folder: Path, log: tuple[TrackerName, ...], lines: list[dict[str, Any]], done: int = 0) -> None:
    metrics = Metrics(folder, done, log)
    for line in lines:
        metrics.write(line)
    metrics.close()


def in_a_process(code: str, run: Path, **environment: str) -> str:
    """Output of Python code with the real library: its threads and processes end with it."""
    begin = f"from tests.train.test_trackers import LINES, write\nfrom pathlib import Path\nrun = Path({str(run)!r})\n"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "WANDB_ERROR_REPORTING": "false", "DO_NOT_TRACK": "true"}
    quiet |= {f"WANDB_{name}_DIR": str(run.parent / "wandb") for name in ("CACHE", "CONFIG", "DATA")}
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", begin + code],
        env=os.environ | quiet | environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert "gets no more metrics" not in done.stderr, done.stderr
    return done.stdout


READ_MLFLOW = """
write(run, ("mlflow",), LINES)
write(run, ("mlflow",), [{"step": 20, "loss": 2.25, "grad_norm": float("nan")}], done=10)
import json
from mlflow.tracking import MlflowClient

client = MlflowClient()
(found,) = client.search_runs([client.get_experiment_by_name("speech").experiment_id])
history = lambda name: [(each.step, each.value) for each in client.get_metric_history(found.info.run_id, name)]
print(json.dumps([found.info.run_name, found.info.run_id, history("train/loss"), history("validation/nelbo/text")]))
print(found.data.params["steps"])
"""


def test_mlflow_has_the_metrics_of_all_starts(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    where = {"MLFLOW_TRACKING_URI": (tmp_path / "store").as_uri(), "MLFLOW_ALLOW_FILE_STORE": "true"}
    said = in_a_process(READ_MLFLOW, run, MLFLOW_EXPERIMENT_NAME="speech", **where).splitlines()
    name, identity, losses, held = json.loads(said[-2])
    assert (name, identity) == ("first", json.loads((run / IDS).read_text())["mlflow"])
    assert losses == [[10, 2.5], [20, 2.25]]
    assert held == [[10, 1.75]]
    assert said[-1] == "20"


class FakeWandb:
    """As much of wandb as is used; it notes what it was told."""

    class Settings(dict[str, Any]):
        def __init__(self, **values: Any) -> None:
            super().__init__(values)

    def __init__(self) -> None:
        self.begun: list[dict[str, Any]] = []
        self.logged: list[dict[str, float]] = []
        self.axis: dict[str, str] = {}
        self.finished = 0

    def init(self, **settings: Any) -> "FakeWandb":
        self.begun.append(settings)
        return self

    def define_metric(self, name: str, step_metric: str) -> None:
        self.axis[name] = step_metric

    def log(self, figures: dict[str, float]) -> None:
        self.logged.append(figures)

    def finish(self) -> None:
        self.finished += 1


def test_weights_and_biases_goes_on_under_one_id(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    write(run, ("wandb",), LINES)
    write(run, ("wandb",), [{"step": 20, "loss": 2.25}], done=10)
    first, second = wandb.begun
    assert first["id"] == second["id"] == json.loads((run / IDS).read_text())["wandb"]
    assert (first["project"], first["name"], first["dir"]) == ("triptych", "first", str(run))
    assert first["config"]["steps"] == 20
    assert wandb.axis == {"*": "step"}
    assert wandb.logged == [
        {"train/loss": 2.5, "train/nelbo/text": 1.5, "step": 10},
        {"validation/nelbo/text": 1.75, "step": 10},
        {"train/loss": 2.25, "step": 20},
    ]
    assert wandb.finished == 2


def test_the_real_library_writes_its_files_offline(run: Path) -> None:
    pytest.importorskip("wandb")
    in_a_process('write(run, ("wandb",), LINES)', run, WANDB_MODE="offline", WANDB_PROJECT="speech")
    identity = json.loads((run / IDS).read_text())["wandb"]
    (file,) = run.glob(f"wandb/offline-run-*/run-{identity}.wandb")
    data = file.read_bytes()
    assert b"train/nelbo/text" in data
    assert b"validation/nelbo/text" in data
    assert b"speech" in data


class Failing:
    """A service that is down."""

    def __init__(self, folder: Path, step: int) -> None:
        self.calls = 0

    def show(self, figures: Mapping[str, float], step: int) -> None:
        """Fail as a client does whose message holds a secret."""
        raise ConnectionError("https://user:secret@example.org/api: refused")

    def close(self) -> None:
        """Never called, since it is left."""
        raise AssertionError


def test_a_service_that_fails_ends_no_training(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(trackers.KINDS, "wandb", Failing)
    write(run, ("wandb",), LINES)
    said = capsys.readouterr().err
    assert said.count("warning: `log`: wandb gets no more metrics of this run (ConnectionError:") == 1
    assert "secret" not in said
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 2


def test_a_library_that_is_missing_is_named_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(Refusal, match=r"`log`: mlflow is not installed. Run: pip install 'triptych\[mlflow\]'"):
        require_trackers(("tensorboard", "mlflow"))
    require_trackers(("tensorboard",))
    assert Trackers(("tensorboard",), Path(), 0)._open == {}


def test_the_key_takes_known_services_alone(tmp_path: Path) -> None:
    tree = {
        "out": str(tmp_path),
        "data": {"datasets": [{"path": "out/a", "weight": 1.0}], "batch_tokens": 1024},
        "model": {"depth": 1},
        "steps": 1,
    }
    assert check(TrainConfig, tree, "test").log == ("tensorboard",)
    assert check(TrainConfig, tree | {"log": ["wandb", "mlflow"]}, "test").log == ("wandb", "mlflow")
    with pytest.raises(Refusal, match="log"):
        check(TrainConfig, tree | {"log": ["comet"]}, "test")
