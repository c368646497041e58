"""run.json of a run: its size is that of its model, and a folder goes on only with the run that it holds."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Mismatch, Refusal
from triptych.train.checkpoint.seal import write_state
from triptych.train.data.plan import plan_of
from triptych.train.run import Start, start_of, train, write_run_record
from triptych.train.run_record import Change, RunRecord


def config_of(dataset: Path, out: Path, **more: Any) -> TrainConfig:
    data = {"datasets": [{"path": str(dataset), "weight": 1.0}], "batch_tokens": 1024, "cache": str(out)}
    tree = {"out": str(out), "data": data, "model": {"depth": 1, "width": 64}, "steps": 12}
    return TrainConfig.model_validate(tree | more)


def test_the_record_has_the_size_of_the_model_and_the_train_file(dataset: Path, tmp_path: Path) -> None:
    config = config_of(dataset, tmp_path / "run")
    plan = plan_of(config)
    write_run_record(config, plan, 3, tmp_path / "run")
    record = RunRecord.read(tmp_path / "run")
    model = Transformer(shape_of(config.model), plan.vocabulary)
    assert record.parameters.embedding + record.parameters.rest == sum(p.numel() for p in model.parameters())
    assert (record.training, record.processes) == (config, 3)
    assert (record.plan, record.vocabulary) == (plan.fingerprint, plan.vocabulary.fingerprint)


def start(config: TrainConfig, at: int | None = None, change: bool = False) -> Start:
    return start_of(config, plan_of(config), Path(config.out), at, change)


def checkpoint(out: Path, step: int) -> None:
    folder = out / "checkpoints" / f"step-{step:08d}"
    folder.mkdir(parents=True)
    write_state(folder, {"step": step}, {})


def test_a_folder_of_another_run_is_refused_and_left_as_it_was(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = config_of(dataset, out)
    assert start(config) == Start(None, ())
    assert not out.exists()
    write_run_record(config, plan_of(config), 1, out)
    checkpoint(out, 3)
    before = sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*"))
    for change, message in (
        ({"seed": 5}, "`seed: 0`, and now it is 5"),
        ({"model": {"depth": 2, "width": 64}}, "`model.depth: 1`, and now it is 2"),
        ({"ema": None}, "`ema"),
    ):
        for allowed in (False, True):
            with pytest.raises(Refusal, match=message):
                start(config_of(dataset, out, **change), None, allowed)
    with pytest.raises(Refusal, match=r"`steps: 12`, and now it is 20\. .*`--change`"):
        start(config_of(dataset, out, steps=20))
    with pytest.raises(Refusal, match=r"no checkpoint of step 4\. It has 3\."):
        start(config, 4)
    assert sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*")) == before


def test_keys_that_do_not_change_the_result_may_differ(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = config_of(dataset, out)
    write_run_record(config, plan_of(config), 1, out)
    checkpoint(out, 3)
    shutil.copytree(dataset, tmp_path / "moved")
    moved = config_of(tmp_path / "moved", out, log_every=3, compute={"recompute": True}, checkpoint={"keep": 7})
    data = moved.data.model_copy(update={"workers": 4, "cache": str(tmp_path), "cache_bytes": 7})
    assert start(moved.model_copy(update={"data": data})) == Start(3, ())


def test_a_key_that_an_older_version_did_not_have_means_its_default(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = config_of(dataset, out)
    write_run_record(config, plan_of(config), 1, out)
    record = RunRecord.read(out)
    older = {name: value for name, value in record.config.items() if name != "seed"}
    record.model_copy(update={"config": older}).write(out)
    assert start(config) == Start(None, ())


def test_changes_are_kept_with_their_step_and_undone_by_going_back_before_it(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = config_of(dataset, out)
    write_run_record(config, plan_of(config), 1, out)
    for step in (3, 6):
        checkpoint(out, step)
    longer = config_of(dataset, out, steps=20)
    change = Change(step=6, keys={"steps": (12, 20)})
    assert start(longer, None, True) == Start(6, (change,))
    write_run_record(longer, plan_of(longer), 1, out, (change,))
    assert start(longer) == Start(6, (change,))
    with pytest.raises(Refusal, match="the run has done 6 steps"):
        start(config_of(dataset, out, steps=5), None, True)


def test_a_finished_run_whose_checkpoints_are_gone_is_not_trained_over(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = config_of(dataset, out)
    write_run_record(config, plan_of(config), 1, out)
    (out / "model").mkdir()
    (out / "model" / "config.json").write_text("{}")
    (out / "metrics.jsonl").write_text('{"step": 12}\n')
    assert start(config).finished
    with pytest.raises(Refusal, match="its checkpoints are gone, so it cannot go on"):
        start(config_of(dataset, out, steps=20), None, True)
    (out / "metrics.jsonl").write_text('{"step": 9}\n{"step": 1')
    with pytest.raises(Refusal, match="its checkpoints are gone, so it cannot go on"):
        start(config)


def begun_on_another(dataset: Path, out: Path, **more: str) -> TrainConfig:
    """The record of a run on another dataset, and the train file that has this one instead."""
    config = config_of(dataset, out)
    write_run_record(config, plan_of(config), 1, out)
    record = RunRecord.read(out)
    other = record.trained_on[0].model_copy(update={"fingerprint": "0" * 32})
    record.model_copy(update={"trained_on": (other,), **more}).write(out)
    return config


def test_a_dataset_that_was_prepared_anew_is_named(dataset: Path, tmp_path: Path) -> None:
    config = begun_on_another(dataset, tmp_path / "run")
    with pytest.raises(Refusal, match=rf"data\.datasets \({dataset}\): \"0+\""):
        start(config)


def test_a_run_does_not_go_on_with_other_tokens(dataset: Path, tmp_path: Path) -> None:
    config = begun_on_another(dataset, tmp_path / "run", vocabulary="1" * 32)
    checkpoint(tmp_path / "run", 3)
    with pytest.raises(Refusal, match=r"data\.datasets \("):
        start(config)
    with pytest.raises(Mismatch, match=rf"vocabulary differs: .*run\.json has 1+, {dataset} has "):
        start(config, None, True)


def test_going_back_before_a_change_undoes_it(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = config_of(dataset, out)
    longer = config_of(dataset, out, steps=20)
    change = Change(step=6, keys={"steps": (12, 20)})
    rollback = Change(step=6, keys={"rows of the steps": (6, 9)})
    write_run_record(longer, plan_of(longer), 1, out, (change, rollback))
    for step in (3, 6):
        checkpoint(out, step)
    with pytest.raises(Refusal, match=r"`steps: 12`, and now it is 20\."):
        start(longer, 3)
    assert start(config, 3) == Start(3, ())
    assert start(longer, 3, True) == Start(3, (Change(step=3, keys={"steps": (12, 20)}),))
    assert start(longer, 6) == Start(6, (change, rollback))


def test_going_back_before_another_dataset_was_given_undoes_it(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = config_of(dataset, out)
    key, now = f"data.datasets ({dataset})", plan_of(config).datasets[0].manifest.fingerprint
    write_run_record(config, plan_of(config), 1, out, (Change(step=6, keys={key: ("0" * 32, now)}),))
    for step in (3, 6):
        checkpoint(out, step)
    assert start(config, 6).step == 6
    with pytest.raises(Refusal, match=rf"data\.datasets \({dataset}\): \"0+\""):
        start(config, 3)


def test_a_record_that_cannot_be_written_leaves_the_one_before(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    config = config_of(dataset, out)
    write_run_record(config, plan_of(config), 1, out)

    def half(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space"):
        write_run_record(config, plan_of(config), 2, out)
    assert RunRecord.read(out).processes == 1


@pytest.mark.parametrize("below", ["", "/run"])
def test_an_out_that_can_be_no_folder_is_refused(dataset: Path, tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Refusal, match=rf"^`out: \S*file{below}`: this folder cannot be made \("):
        train(config_of(dataset, tmp_path / f"file{below}"))
    assert (tmp_path / "file").read_text() == "no folder"
