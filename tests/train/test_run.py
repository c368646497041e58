"""run.json of a run: its size is that of its model, and a folder goes on only with the run that it holds."""

from pathlib import Path
from typing import Any

import pytest

from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.train.data.plan import plan_of
from triptych.train.run import write_run_record
from triptych.train.run_record import RunRecord


def config_of(dataset: Path, out: Path, **more: Any) -> TrainConfig:
    data = {"datasets": [{"path": str(dataset), "weight": 1.0}], "batch_tokens": 1024, "cache": str(out)}
    tree = {"out": str(out), "data": data, "model": {"depth": 1, "width": 64}, "steps": 12}
    return TrainConfig.model_validate(tree | more)


def test_the_record_has_the_size_of_the_model_and_the_train_file(dataset: Path, tmp_path: Path) -> None:
    config = config_of(dataset, tmp_path / "run")
    plan = plan_of(config)
    write_run_record(config, plan, 3)
    record = RunRecord.read(tmp_path / "run")
    model = Transformer(shape_of(config.model), plan.vocabulary)
    assert record.parameters.embedding + record.parameters.rest == sum(p.numel() for p in model.parameters())
    assert (record.training, record.processes) == (config, 3)
    assert (record.plan, record.vocabulary) == (plan.fingerprint, plan.vocabulary.fingerprint)


def test_a_folder_of_another_run_is_refused_and_left_as_it_was(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = config_of(dataset, out)
    plan = plan_of(config)
    write_run_record(config, plan, 1)
    before = (out / "run.json").read_bytes()
    for change, said in (
        ({"seed": 5}, "`seed: 0`, and the train file says 5"),
        ({"model": {"depth": 2, "width": 64}}, "`model.depth: 1`, and the train file says 2"),
        ({"ema": None}, "`ema"),
    ):
        with pytest.raises(Refusal, match=said):
            write_run_record(config_of(dataset, out, **change), plan, 1)
    assert (out / "run.json").read_bytes() == before
    write_run_record(config_of(dataset, out, log_every=3, compute={"recompute": True}), plan, 2)
    assert RunRecord.read(out).training.log_every == 3
