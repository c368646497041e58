"""A rank of which nothing is trained on: it takes part in every collective, and the losses are those of one process."""

from pathlib import Path

import pytest
import torch

from triptych.schemas.config.training import TrainConfig
from triptych.train.data.loader import Loader
from triptych.train.data.plan import plan_of
from triptych.train.run import train

from ..processes import ranks
from .conftest import Workshop
from .small_runs import Tree, curve, finish, start, tree

ROW = 16


def settings(dataset: Path, out: Path, parallel: str) -> Tree:
    """Two rows a step, of which either may be held out whole."""
    config = tree(dataset, out, steps=10, compute={"parallel": parallel, "precision": "float32"})
    config["data"] |= {"batch_tokens": 2 * ROW, "validation": 0.5}
    return config | {"validation": {"every": 5, "rows": 3}}


def idle(config: Tree) -> list[tuple[bool, ...]]:
    """Whether each of two ranks has nothing to train on, at each step."""
    plan = plan_of(TrainConfig.model_validate(config))
    loaders = [Loader(plan, Workshop.shards(plan), rank=rank, world=2) for rank in range(2)]
    steps = [
        tuple(not any(len(m.batch.length_S) for m in micros) for micros in step) for step in zip(*loaders, strict=True)
    ]
    for loader in loaders:
        loader.close()
    return steps


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_a_rank_without_anything_to_train_on_changes_no_loss(
    workshop: type[Workshop], tmp_path: Path, parallel: str
) -> None:
    # nearly every text is longer than a row, so that a row is one document, which is held out or not
    data = workshop.write(tmp_path / "data", counts={"docs": 60}, row_length=ROW)
    config = settings(data, tmp_path / "two", parallel)
    steps = set(idle(config))
    assert steps >= {(True, False), (False, True), (True, True)}
    for process in [start(config, rank) for rank in ranks(2)]:
        finish(process)
    torch.set_num_threads(1)
    assert train(TrainConfig.model_validate(settings(data, tmp_path / "one", parallel)))
    ours, theirs = curve(tmp_path / "two"), curve(tmp_path / "one")
    assert [line["step"] for line in ours] == [line["step"] for line in theirs]
    assert any("split" in line for line in ours)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.get("tokens") == other.get("tokens")
        assert mine["nelbo"] == pytest.approx(other["nelbo"], rel=1e-4)
        if "split" not in mine:
            assert mine["loss"] == pytest.approx(other["loss"], rel=1e-4)
            assert mine["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-3)
