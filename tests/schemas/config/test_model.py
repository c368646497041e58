from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

from triptych.schemas.config.load import check
from triptych.schemas.config.model import (
    POSSIBLE,
    TASKS,
    AutoregressiveObjective,
    MaskedObjective,
    ModelConfig,
    ObjectiveConfig,
    Task,
)
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Kind, Modality, Special

OBJECTIVE: TypeAdapter[MaskedObjective | AutoregressiveObjective] = TypeAdapter(ObjectiveConfig)


@pytest.mark.parametrize("tree", [{"depth": 4}, {"preset": "100m"}, {"depth": 2, "width": 64, "head_size": 64}])
def test_a_model_is_read_back_as_it_is_written(tree: dict[str, object]) -> None:
    config = ModelConfig.model_validate(tree)
    assert ModelConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({}, "give one of `depth`"),
        ({"depth": 4, "preset": "1m"}, "give one of `depth`"),
        ({"preset": "1m", "width": 128}, "decided by `preset: 1m`"),
        ({"depth": 2, "width": 100}, "no multiple of `head_size: 64`"),
        ({"preset": "7b"}, "7b"),
    ],
)
def test_a_model_of_no_size_is_refused(tree: dict[str, object], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        check(ModelConfig, tree, "train.yaml")


@pytest.mark.parametrize(
    "tree",
    [
        {"kind": "masked"},
        {"kind": "masked", "schedule": "polynomial", "power": 3.0, "tasks": {"image-text": {"t2i": 1.0}}},
        {"kind": "autoregressive", "z_loss": 1e-5},
    ],
)
def test_an_objective_is_read_back_as_it_is_written(tree: dict[str, object]) -> None:
    config = OBJECTIVE.validate_python(tree)
    assert OBJECTIVE.validate_python(config.model_dump(mode="json")) == config


def test_kinds_that_are_not_named_keep_their_tasks() -> None:
    config = MaskedObjective.model_validate({"tasks": {"image-text": {"t2i": 1.0}}})
    assert config.tasks == TASKS | {Kind.IMAGE_TEXT: {Task.T2I: 1.0}}
    assert MaskedObjective().tasks == TASKS


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"power": 3.0}, "not used by `schedule: linear`"),
        ({"tasks": {"text": {"t2i": 1.0}}}, "`text` has no task `t2i`; it may have text"),
        ({"tasks": {"image-text": {"t2i": 0.5, "joint": 0.4}}}, "sum to 0.9"),
        ({"condition_dropout": 2}, "condition_dropout"),
    ],
)
def test_an_objective_that_cannot_be_is_refused(tree: dict[str, object], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        check(MaskedObjective, tree, "train.yaml")


def test_what_is_decided_by_masking_has_no_place_in_the_control() -> None:
    with pytest.raises(Refusal, match="unknown key `schedule`"):
        check(AutoregressiveObjective, {"kind": "autoregressive", "schedule": "linear"}, "train.yaml")


def test_tasks_are_those_of_the_vocabulary() -> None:
    assert [task.special for task in Task] == list(range(Special.TEXT, Special.JOINT + 1))
    for kind, tasks in POSSIBLE.items():
        for task in tasks:
            halves = {half for half in (task.given, task.predicted) if half is not None}
            assert halves <= set(kind.modalities)
    assert (Task.S2T.given, Task.S2T.predicted) == (Modality.AUDIO, Modality.TEXT)


TRAIN_FILE = Path(__file__).parents[3] / "docs" / "reference" / "train-file.md"
MODELS: dict[str, type[BaseModel]] = {"Model": ModelConfig, "Objective": MaskedObjective}


@pytest.mark.parametrize("heading", MODELS)
def test_the_page_has_every_key_and_its_default(heading: str) -> None:
    text = TRAIN_FILE.read_text()
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "| `" in line]
    said = {row[0].strip("`"): row[1] for row in rows if len(row) == 3}
    fields = MODELS[heading].model_fields
    assert set(said) == set(fields) - {"kind"}
    for key, default in said.items():
        value = fields[key].default
        if isinstance(value, bool):
            assert default == f"`{str(value).lower()}`"
        elif isinstance(value, float):
            assert float(default.strip("`")) == pytest.approx(value, rel=2e-3)
        elif isinstance(value, str | int):
            assert default == f"`{value}`"
        elif value is None:
            assert default == "*none*"
