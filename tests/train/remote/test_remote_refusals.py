"""What is refused of a run at a URL, and that only one training writes there."""

from pathlib import Path

import pytest
import torch

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.lease import FOLDER as LEASES
from triptych.schemas.storage.lease import Owner
from triptych.schemas.storage.lock import only_run
from triptych.schemas.storage.store import Store
from triptych.train.remote.checkpoint_store import CheckpointStore
from triptych.train.run import train

from .url_runs import require_same, steps, tree


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


@pytest.mark.parametrize("url", ["nosuch://key:SECRET@bucket/run", "https://me:SECRET@localhost:9/run?token=SECRET"])
def test_a_url_that_cannot_be_written_is_refused_before_the_first_step(dataset: Path, tmp_path: Path, url: str) -> None:
    with pytest.raises(Refusal) as caught:
        train(TrainConfig.model_validate(tree(dataset, url, tmp_path / "cache")))
    assert "SECRET" not in str(caught.value)
    assert str(caught.value).startswith(url.split(":")[0])
