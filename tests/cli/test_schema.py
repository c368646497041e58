"""`triptych schema`: the run file's JSON Schema, of which a copy is checked in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def test_the_schema_is_the_one_that_is_checked_in(triptych: Callable[..., Any]) -> None:
    said = triptych("schema")
    assert said.code == 0
    assert said.out == (ROOT / "docs/reference/run.schema.json").read_text(encoding="utf-8")


def test_the_schema_names_every_key_and_refuses_others(triptych: Callable[..., Any]) -> None:
    from triptych.schemas.config.run import RunConfig

    schema = json.loads(triptych("schema").out)
    assert set(schema["properties"]) == set(RunConfig.model_fields)
    assert schema["additionalProperties"] is False
    kinds = set(schema["properties"]["sources"]["items"]["discriminator"]["mapping"])
    assert kinds == {"jsonl", "parquet", "webdataset", "folder", "datasets"}
