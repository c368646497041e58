"""A run at a URL: killed, resumed on another machine, damaged, refused; its weights are those of a run on a disk."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.lease import FOLDER as LEASES
from triptych.schemas.storage.lease import Owner
from triptych.schemas.storage.lock import only_run
from triptych.schemas.storage.store import Store
from triptych.train.generate.generator import Generator
from triptych.train.optim import skip_steps
from triptych.train.optim.skip_steps import SkipSteps
from triptych.train.remote.checkpoint_store import CheckpointStore
from triptych.train.remote.local_copy import local_logs
from triptych.train.run import train
from triptych.train.run_record import RunRecord
from triptych.train.scaling.collect import read_logs

from ...processes import Forked, ranks

Tree = dict[str, Any]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
STEPS = 6


def tree(dataset: Path, out: str, cache: Path, **more: Any) -> Tree:
    data = {"datasets": [{"path": str(dataset), "weight": 1.0}], "batch_tokens": 1024, "validation": 0.1}
    return {
        "out": out,
        "data": data | {"cache": str(cache)},
        "model": {"depth": 1, "width": 64},
        "steps": STEPS,
        "checkpoint": {"every": 2, "keep": 2},
        "validation": {"every": 3, "rows": 4},
        "log_every": 1,
    } | more


def start(config: Tree, file: Path, *more: str, rank: dict[str, str] | None = None) -> Forked:
    file.write_text(yaml.safe_dump(config))
    return Forked("import triptych.train.__main__", [str(file), *more], ENVIRONMENT | (rank or {}))


def finish(process: Forked, expected: int = 0) -> str:
    code, output = process.end(timeout=240)
    assert code == expected, output
    return output


@pytest.fixture(scope="module")
def on_disk(dataset: Path, once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The same run in a folder."""

    def fill(folder: Path) -> None:
        config = tree(dataset, str(folder / "run"), folder / "cache")
        finish(start(config, folder / "train.yaml"))

    return once("trained-on-disk", fill) / "run"


def curve(metrics: bytes) -> list[Tree]:
    lines = [json.loads(line) for line in metrics.splitlines()]
    return [{key: value for key, value in line.items() if "per_second" not in key} for line in lines]


def require_same(url: str, on_disk: Path) -> None:
    """Curves and weights, bit for bit; and the same files."""
    store = Store(url)
    assert curve(store.read("metrics.jsonl")) == curve((on_disk / "metrics.jsonl").read_bytes())
    assert store.read("model/model.safetensors") == (on_disk / "model" / "model.safetensors").read_bytes()
    here = {path.relative_to(on_disk).as_posix() for path in on_disk.rglob("*") if path.is_file()}
    assert {name for name in store.names("") if "tensorboard" not in name} == {
        name for name in here if "tensorboard" not in name
    }


def steps(url: str) -> list[int]:
    names = Store(url).names("checkpoints")
    return sorted(int(name.split("/")[1][5:]) for name in names if name.endswith("state.json"))


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
    assert RunRecord.read(_fetched(url, tmp_path / "fetched")).training.out == url
    # what a killed save and the owner of the bucket left beside the checkpoints
    Store(url).write("checkpoints/step-00000099/__0_0.distcp", b"half")
    Store(url).write("checkpoints/mine/notes.txt", b"mine")
    finish(start(tree(dataset, url, tmp_path / "two"), tmp_path / "train.yaml"))
    assert Store(url).read("checkpoints/mine/notes.txt") == b"mine"
    Store(url).delete("checkpoints/mine/notes.txt")
    require_same(url, on_disk)
    assert not list((tmp_path / "two" / "runs").iterdir())  # of a finished run nothing stays here


def _fetched(url: str, folder: Path) -> Path:
    folder.mkdir()
    (folder / "run.json").write_bytes(Store(url).read("run.json"))
    return folder


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


def test_what_cannot_go_on_is_refused_and_nothing_is_written(dataset: Path, on_disk: Path, tmp_path: Path) -> None:
    url = f"memory://{tmp_path.name}/run"
    for name in ("run.json", "checkpoints/step-00000006/state.json"):
        Store(url).write(name, (on_disk / name).read_bytes())
    other = TrainConfig.model_validate(tree(dataset, url, tmp_path / "cache", seed=7))
    with pytest.raises(Refusal, match=rf"{url}.run\.json.*`seed: 0`, and now it is 7"):
        train(other)
    with pytest.raises(Refusal, match=f"{url}: has no checkpoint of step 5. It has 6"):
        train(TrainConfig.model_validate(tree(dataset, url, tmp_path / "cache")), start=5)
    assert Store(url).names("") == ["checkpoints/step-00000006/state.json", "run.json"]
    assert not (tmp_path / "cache").exists()


def test_one_url_has_one_training(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"memory://{tmp_path.name}/run"
    config = TrainConfig.model_validate(tree(dataset, url, tmp_path / "cache"))
    with only_run(Store(url)), pytest.raises(Refusal, match=f"{url}: another `triptych` is writing there"):
        train(config)
    assert Store(url).names("") == []


def test_a_run_that_lost_its_lease_stops_and_seals_nothing_more(
    dataset: Path, on_disk: Path, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    url = f"{bucket}/run"
    config = TrainConfig.model_validate(tree(dataset, url, tmp_path / "one"))
    seal = CheckpointStore.seal

    def overtaken(self: CheckpointStore, step: int, folder: Path) -> None:
        seal(self, step, folder)
        if step == 2:  # as if this process had been suspended for so long that another took the run over
            Store(url).write(f"{LEASES}/{1:08d}", Owner("elsewhere", 1, "", "another").to_bytes())
            Store(url).delete(f"{LEASES}/{0:08d}")

    monkeypatch.setattr(CheckpointStore, "seal", overtaken)
    with pytest.raises(Refusal, match=r"another run took over, so this one stops.*Let the other finish"):
        train(config)
    monkeypatch.undo()
    assert steps(url) == [2]
    assert Store(url).names(LEASES) == [f"{LEASES}/{1:08d}"]  # the other's lease is left alone
    with pytest.raises(Refusal, match="process 1 on elsewhere"):
        train(config)
    Store(url).delete(f"{LEASES}/{1:08d}")
    assert train(config)
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
    record = RunRecord.read(_fetched(url, tmp_path / "fetched"))
    assert [(each.step, dict(each.keys)) for each in record.changes] == [(2, {"rows of the steps": (2, 3)})]
    assert steps(url) == [4, 6]
    lines = curve(Store(url).read("metrics.jsonl"))
    assert [line["step"] for line in lines if "split" not in line] == list(range(1, STEPS + 1))
    assert len(checked) == STEPS + 2  # the step after the checkpoint, and the one that broke down


@pytest.mark.parametrize("url", ["nosuch://key:SECRET@bucket/run", "https://me:SECRET@localhost:9/run?token=SECRET"])
def test_a_url_that_cannot_be_written_is_refused_before_the_first_step(dataset: Path, tmp_path: Path, url: str) -> None:
    with pytest.raises(Refusal) as caught:
        train(TrainConfig.model_validate(tree(dataset, url, tmp_path / "cache")))
    assert "SECRET" not in str(caught.value)
    assert str(caught.value).startswith(url.split(":")[0])


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
    with pytest.raises(Refusal, match=f"{url}-none/model: no config.json"):
        Generator.open(f"{url}-none")
