"""Validation in a run: its sets, both weights, the same masks every time, and a score of the held-out share."""

from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.training import EmaConfig, TrainConfig
from triptych.schemas.errors import Mismatch, Refusal
from triptych.train.data.plan import plan_of
from triptych.train.data.shard_cache import ShardCache
from triptych.train.distributed.parallel import Parallel
from triptych.train.distributed.process_group import ProcessGroup
from triptych.train.optim.ema import Ema
from triptych.train.validate import HELD_OUT, NAMED, Validation, named_plan, validation_sets

from .conftest import Workshop
from .small_runs import Tree, tree


def config_of(dataset: Path, named: Path | None = None, **data: Any) -> TrainConfig:
    config: Tree = tree(dataset, dataset.parent / "run")
    config["data"] |= data
    config["validation"] = {"every": 1, "rows": 2, "datasets": [str(named)] if named else []}
    return TrainConfig.model_validate(config)


def validation_of(config: TrainConfig, micro_rows: int | None = None) -> tuple[Validation, Ema]:
    """Of a new model in a single process, with the moving average of its weights."""
    plan, cache = plan_of(config), ShardCache(Path("unused"), 0)
    with torch.device("meta"):
        model = Transformer(shape_of(config.model), plan.vocabulary)
    parallel = Parallel(model, config.compute, ProcessGroup(0, 1, torch.device("cpu")), config.seed)
    sets = validation_sets(config, plan, Workshop.shards(plan), cache)
    return Validation(config, sets, parallel, micro_rows), Ema(model, EmaConfig(), config.steps)


@pytest.fixture
def other(workshop: type[Workshop], tmp_path: Path) -> Path:
    return workshop.write(tmp_path / "other", counts={"docs": 30}, seed=1)


def test_every_set_has_a_line_of_either_weights_and_the_same_one_again(dataset: Path, other: Path) -> None:
    validation, ema = validation_of(config_of(dataset, other))
    lines = list(validation.lines(1, ema, None))
    assert [(line["split"], line["weights"]) for line in lines] == [
        (split, weights) for split in (HELD_OUT, NAMED) for weights in ("raw", "ema")
    ]
    assert set(lines[0]["nelbo"]) == {"text", "image", "audio"}
    assert set(lines[2]["nelbo"]) == {"text"}
    books = lines[0]["nelbo_by_codebook"]
    assert list(books) == [f"audio{level}" for level in range(len(books))]
    assert sum(books.values()) / len(books) == pytest.approx(lines[0]["nelbo"]["audio"])
    assert all(error > 0 for error in lines[0]["nelbo_by_codebook_error"].values())
    assert "nelbo_by_codebook" not in lines[2]
    assert list(validation.lines(1, ema, None)) == lines  # the masks are the same
    assert validation.score == pytest.approx(sum(lines[1]["nelbo"].values()))  # of the held-out share


def test_small_micro_batches_give_the_same_figures(dataset: Path) -> None:
    whole, parts = (
        next(validation_of(config_of(dataset), micro_rows)[0].lines(1, None, None)) for micro_rows in (None, 1)
    )
    assert parts["targets"] == whole["targets"]
    assert parts["nelbo"] == pytest.approx(whole["nelbo"], rel=1e-5)


def test_without_a_held_out_share_nothing_is_validated(dataset: Path) -> None:
    validation, ema = validation_of(config_of(dataset, validation=0))
    assert list(validation.lines(1, ema, None)) == []
    assert validation.score is None


def test_named_documents_that_are_trained_on_are_refused(dataset: Path) -> None:
    config = config_of(dataset, dataset)
    with pytest.raises(Refusal, match="named for validation, are also among"):
        named_plan(config, plan_of(config))


def test_a_named_dataset_of_another_row_length_is_refused(
    dataset: Path, workshop: type[Workshop], tmp_path: Path
) -> None:
    config = config_of(dataset, workshop.write(tmp_path / "short", counts={"docs": 9}, row_length=64, seed=1))
    with pytest.raises(Mismatch, match="row_length"):
        named_plan(config, plan_of(config))
