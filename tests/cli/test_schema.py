"""`triptych schema`: the JSON Schemas of the run, train and mix files, of which copies are checked in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("arguments", [[], ["run"], ["train"], ["mix"]])
def test_the_schema_is_the_one_that_is_checked_in(triptych: Callable[..., Any], arguments: list[str]) -> None:
    said = triptych("schema", *arguments)
    assert said.code == 0
    name = arguments[0] if arguments else "run"
    assert said.out == (ROOT / f"docs/reference/{name}.schema.json").read_text(encoding="utf-8")


def test_the_schemas_of_training_have_its_keys(triptych: Callable[..., Any]) -> None:
    from triptych.schemas.config.mix import MixFile
    from triptych.schemas.config.training import TrainConfig

    for name, model in (("train", TrainConfig), ("mix", MixFile)):
        schema = json.loads(triptych("schema", name).out)
        assert set(schema["properties"]) == set(model.model_fields)
        assert schema["additionalProperties"] is False
    assert triptych("schema", "sweep").code == 2


def test_the_schema_names_every_key_and_refuses_others(triptych: Callable[..., Any]) -> None:
    from triptych.schemas.config.run import RunConfig

    schema = json.loads(triptych("schema").out)
    assert set(schema["properties"]) == set(RunConfig.model_fields)
    assert schema["additionalProperties"] is False
    kinds = set(schema["properties"]["sources"]["items"]["discriminator"]["mapping"])
    assert kinds == {"jsonl", "parquet", "webdataset", "files", "folder", "datasets"}
