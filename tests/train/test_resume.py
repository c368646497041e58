"""What may change when a run is resumed: always, with `--change`, or never."""

from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.train.resume import as_begun, changed_datasets, changed_keys, require_allowed, with_changes
from triptych.train.run_record import Change, ParameterCounts, RunRecord, TrainedOn

CONFIG: dict[str, Any] = {
    "out": "run",
    "steps": 7,
    "data": {"datasets": [{"path": "a", "weight": 2.0}], "batch_tokens": 1024},
    "model": {"depth": 1, "width": 64},
}
WHERE = Path("run/run.json")


def trained_on(path: str, fingerprint: str) -> TrainedOn:
    return TrainedOn(path=path, fingerprint=fingerprint * 32, vocabulary="b" * 32)


def record(**changes: Any) -> RunRecord:
    return RunRecord(
        config=TrainConfig.model_validate(CONFIG).model_dump(mode="json"),
        trained_on=(trained_on("a", "a"),),
        plan="c" * 32,
        vocabulary="b" * 32,
        parameters=ParameterCounts(embedding=10, rest=20),
        kappa=0.25,
        processes=2,
        **changes,
    )


def changed(**changes: Any) -> dict[str, tuple[Any, Any]]:
    return changed_keys(record(), TrainConfig.model_validate(CONFIG | changes), WHERE, 3)


def data(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = CONFIG["data"]
    return given | changes


def test_the_same_file_and_what_may_always_change_are_no_changes() -> None:
    assert changed() == {}
    moved = data(datasets=[{"path": "elsewhere", "weight": 2.0}], workers=3)
    assert changed(out="moved", log_every=3, data=moved) == {}


def test_keys_are_named_with_their_values() -> None:
    assert changed(steps=9) == {"steps": (7, 9)}
    assert changed(data=data(datasets=[{"path": "a", "weight": 3.0}])) == {"data.datasets.0.weight": (2.0, 3.0)}
    assert changed(model={"depth": 2, "width": 64})["model.depth"] == (1, 2)


@pytest.mark.parametrize("changes", [{"steps": 9}, {"data": data(batch_tokens=2048)}])
def test_some_keys_change_on_request_only(changes: dict[str, Any]) -> None:
    keys = changed(**changes)
    with pytest.raises(Refusal, match="--change"):
        require_allowed(keys, False, WHERE)
    require_allowed(keys, True, WHERE)


@pytest.mark.parametrize("changes", [{"seed": 5}, {"model": {"depth": 2, "width": 64}}])
def test_others_never_change(changes: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="another `out`") as error:
        require_allowed(changed(**changes), True, WHERE)
    assert "--change" not in str(error.value)


def test_a_key_of_a_newer_version_is_named() -> None:
    newer = record()
    newer = newer.model_copy(update={"config": newer.config | {"novelty": 1}})
    with pytest.raises(Refusal, match="`novelty`, which this version does not know"):
        changed_keys(newer, TrainConfig.model_validate(CONFIG), WHERE, 3)


def test_a_dataset_is_known_by_its_fingerprint_and_not_by_its_path() -> None:
    assert changed_datasets(record(), [trained_on("moved", "a")], 3) == {}
    found = changed_datasets(record(), [trained_on("a", "f")], 3)
    assert found == {"data.datasets (a)": ("a" * 32, "f" * 32)}
    require_allowed(found, True, WHERE)


def test_changes_behind_the_step_of_the_resume_are_undone() -> None:
    old, later = Change(step=2, keys={"steps": (5, 6)}), Change(step=6, keys={"steps": (6, 7)})
    history = record(changes=(old, later))
    assert with_changes(history, {}, 4) == (old,)
    assert with_changes(history, {"steps": (7, 9)}, 6) == (old, later, Change(step=6, keys={"steps": (7, 9)}))


EARLIER: dict[str, dict[str, Any]] = {
    "optimizer": {"kind": "adamw", "beta2_half_life": None},
    "objective": {"weighting": "bound"},
    "model": {"embedding_std": 0.02, "head_bias": False},
}


def record_of_before(lr: float) -> RunRecord:
    """A record that lacks the keys of EARLIER, and has another learning rate than is the default now."""
    config = record().config
    for block, values in EARLIER.items():
        config[block] = {key: value for key, value in config[block].items() if key not in values}
    config["optimizer"]["lr"] = lr
    return record().model_copy(update={"config": config})


def test_a_run_of_before_goes_on_as_it_was(tmp_path: Path) -> None:
    before = record_of_before(lr=0.125)
    before.write(tmp_path)
    for block, values in EARLIER.items():
        assert getattr(before.training, block).model_dump().items() >= values.items()
    config = as_begun(TrainConfig.model_validate(CONFIG), tmp_path)
    assert changed_keys(before, config, WHERE, 3) == {}
    assert (config.optimizer.kind, config.optimizer.lr) == ("adamw", 0.125)
    assert config.optimizer.beta2_half_life is None
    again = before.model_copy(update={"config": config.model_dump(mode="json")})  # the record of this version
    again.write(tmp_path)
    assert as_begun(TrainConfig.model_validate(CONFIG), tmp_path) == config


def test_keys_of_the_train_file_are_kept_beside_those_of_before(tmp_path: Path) -> None:
    record_of_before(lr=0.125).write(tmp_path)
    config = as_begun(TrainConfig.model_validate(CONFIG | {"optimizer": {"lr": 0.5, "warmup": 3}}), tmp_path)
    assert (config.optimizer.kind, config.optimizer.lr, config.optimizer.warmup) == ("adamw", 0.5, 3)


def test_the_optimizer_of_a_run_never_changes(tmp_path: Path) -> None:
    before = record_of_before(lr=0.125)
    before.write(tmp_path)
    config = as_begun(TrainConfig.model_validate(CONFIG | {"optimizer": {"kind": "muon"}}), tmp_path)
    found = changed_keys(before, config, WHERE, 3)
    assert found["optimizer.kind"] == ("adamw", "muon")
    with pytest.raises(Refusal, match="another `out`"):
        require_allowed(found, True, WHERE)


def test_a_run_of_this_version_has_the_defaults_of_this_version(tmp_path: Path) -> None:
    config = TrainConfig.model_validate(CONFIG)
    assert as_begun(config, tmp_path) == config
    record().write(tmp_path)
    assert as_begun(config, tmp_path) == config
    assert config.optimizer.kind == "muon"
