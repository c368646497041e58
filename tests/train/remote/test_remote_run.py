"""A run at a URL: killed, resumed on another machine, damaged, refused; its weights are those of a run on a disk."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import Store
from triptych.train.generate.generator import Generator
from triptych.train.optim import skip_steps
from triptych.train.optim.skip_steps import SkipSteps
from triptych.train.remote.local_copy import local_logs
from triptych.train.run import train
from triptych.train.run_record import RunRecord
from triptych.train.scaling.collect import read_logs

from ...processes import ranks
from .url_runs import STEPS, curve, fetched, finish, require_same, start, steps, tree


def test_a_run_that_is_killed_goes_on_elsewhere_bit_for_bit(
    dataset: Path, on_disk: Path, bucket: str, tmp_path: Path
) -> None:
    url = f"{bucket}/runs/first"
    process = start(tree(dataset, url, tmp_path / "one"), tmp_path / "train.yaml")
    while process.running() and not steps(url):
        time.sleep(0.01)
    process.send(signal.SIGKILL)
    finish(process, -signal.SIGKILL)
    assert steps(url)
    assert RunRecord.read(fetched(url, tmp_path / "fetched")).training.out == url
    # what a killed save and the owner of the bucket left beside the checkpoints
    Store(url).write("checkpoints/step-00000099/__0_0.distcp", b"half")
    Store(url).write("checkpoints/mine/notes.txt", b"mine")
    finish(start(tree(dataset, url, tmp_path / "two"), tmp_path / "train.yaml"))
    assert Store(url).read("checkpoints/mine/notes.txt") == b"mine"
    Store(url).delete("checkpoints/mine/notes.txt")
    require_same(url, on_disk)
    assert not list((tmp_path / "two" / "runs").iterdir())  # of a finished run nothing stays here


def test_two_processes_upload_their_own_files_and_one_goes_on(
    dataset: Path, on_disk: Path, bucket: str, tmp_path: Path
) -> None:
    config = tree(dataset, f"{bucket}/run", tmp_path / "one", compute={"parallel": "fsdp"})
    # as two machines: each leads its own and has a cache of its own
    both = [rank | {"LOCAL_RANK": "0"} for rank in ranks(2)]
    started = []
    for number, rank in enumerate(both):
        mine = config | {"data": config["data"] | {"cache": str(tmp_path / f"machine-{number}")}}
        started.append(start(mine, tmp_path / f"{number}.yaml", "--set", "steps=4", rank=rank))
    for process in started:
        finish(process)
    names = Store(f"{bucket}/run").names("checkpoints/step-00000004")
    assert [name.rpartition("/")[2] for name in names] == [".metadata", "__0_0.distcp", "__1_0.distcp", "state.json"]
    finish(start(config, tmp_path / "train.yaml", "--change"))
    ours = curve(Store(f"{bucket}/run").read("metrics.jsonl"))
    assert [line["step"] for line in ours if "split" not in line] == list(range(1, STEPS + 1))


def test_a_damaged_checkpoint_is_refused_by_its_url(dataset: Path, on_disk: Path, tmp_path: Path, bucket: str) -> None:
    url = f"{bucket}/run"
    for path in sorted(on_disk.rglob("*")):
        if path.is_file():
            Store(url).write(path.relative_to(on_disk).as_posix(), path.read_bytes())
    name = "checkpoints/step-00000006/__0_0.distcp"
    whole = Store(url).read(name)
    Store(url).write(name, whole[:-1] + bytes([whole[-1] ^ 1]))
    config = tree(dataset, url, tmp_path / "cache")
    output = finish(start(config, tmp_path / "train.yaml"), 1)
    assert f"{url}/checkpoints/step-00000006: this checkpoint is damaged" in " ".join(output.split())
    assert "--from 4" in output
    assert str(tmp_path) not in output
    finish(start(config, tmp_path / "train.yaml", "--from", "4"))
    require_same(url, on_disk)


def test_a_run_at_a_url_goes_back_after_a_breakdown(
    dataset: Path, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    url = f"{bucket}/run"
    usual, checked = SkipSteps._problem, []

    def problem(guard: SkipSteps, loss: float, norm: float) -> str | None:
        checked.append(loss)
        return "its rows are broken" if len(checked) == 4 else usual(guard, loss, norm)

    monkeypatch.setattr(skip_steps, "PATIENCE", 1)
    monkeypatch.setattr(SkipSteps, "_problem", problem)
    config = tree(dataset, url, tmp_path / "one", on_breakdown="rollback")
    assert train(TrainConfig.model_validate(config))
    record = RunRecord.read(fetched(url, tmp_path / "fetched"))
    assert [(each.step, dict(each.keys)) for each in record.changes] == [(2, {"rows of the steps": (2, 3)})]
    assert steps(url) == [4, 6]
    lines = curve(Store(url).read("metrics.jsonl"))
    assert [line["step"] for line in lines if "split" not in line] == list(range(1, STEPS + 1))
    assert len(checked) == STEPS + 2  # the step after the checkpoint, and the one that broke down


def test_an_upload_that_fails_costs_one_checkpoint(
    dataset: Path, on_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"memory://{tmp_path.name}/run"
    put = type(Store(url).fs).put_file
    failures: list[str] = []

    def failing(self: Any, local: str, path: str, *rest: Any, **more: Any) -> None:
        if "step-00000002" in path and not failures:
            failures.append(path)
            raise OSError("the network is down")
        put(self, local, path, *rest, **more)

    monkeypatch.setattr(type(Store(url).fs), "put_file", failing)
    assert train(TrainConfig.model_validate(tree(dataset, url, tmp_path / "cache")))
    assert failures
    assert steps(url) == [4, 6]
    shown = capsys.readouterr()
    assert "a checkpoint could not be saved" in shown.out + shown.err
    assert "the network is down" in shown.out + shown.err


def test_an_export_at_a_url_is_read_by_everyone(on_disk: Path, tmp_path: Path) -> None:
    url = f"memory://{tmp_path.name}/runs/one"
    for path in sorted(on_disk.rglob("*")):
        if path.is_file():
            Store(url).write(path.relative_to(on_disk).as_posix(), path.read_bytes())
    there, here = Generator.open(url), Generator.open(on_disk)
    assert there.name == url
    for mine, other in zip(there.model.parameters(), here.model.parameters(), strict=True):
        assert torch.equal(mine, other)
    assert Generator.open(f"{url}/model").name == f"{url}/model"
    assert Generator.open(url, step=4).exported.vocabulary == here.vocabulary
    with pytest.raises(Refusal, match=f"{url}: has no checkpoint of step 5. It has 4, 6"):
        Generator.open(url, step=5)
    logs = read_logs(local_logs(f"memory://{tmp_path.name}/runs"))
    assert [(log.name, log.finished) for log in logs] == [("one", True)]
    with pytest.raises(Refusal, match=f"{url}-none: no config.json"):
        Generator.open(f"{url}-none")
