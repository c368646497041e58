"""docs/reference/train-file.md: its files are valid, and its tables have every key with its default."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from triptych.schemas.config import mix, training
from triptych.schemas.config.load_training import load_mix

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "train-file.md").read_text()
TABLES: dict[str, type[BaseModel]] = {
    "The run": training.TrainConfig,
    "Data": training.Data,
    "Mixes": mix.MixEntry,
    "Optimizer": training.OptimizerConfig,
    "Checkpoint": training.CheckpointConfig,
    "Validation": training.ValidationConfig,
    "Ema": training.EmaConfig,
    "Compute": training.ComputeConfig,
}


@pytest.mark.parametrize("block", re.findall(r"^```yml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
def test_its_files_are_valid(block: str, tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(block)
    given = yaml.safe_load(block)
    assert set(given) == load_mix(path).model_fields_set


@pytest.mark.parametrize("heading", TABLES)
def test_a_table_has_every_key_and_its_default(heading: str) -> None:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "| `" in line]
    said = {row[0].strip("`"): row[1] for row in rows if len(row) == 3}
    fields = TABLES[heading].model_fields
    assert set(said) == set(fields)
    for key, default in said.items():
        assert default == described(fields[key]), key


def described(field: Any) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "*none*"
    if isinstance(value, BaseModel):
        return "`{}`"
    return f"`[{', '.join(map(str, value))}]`" if isinstance(value, tuple) else f"`{value}`"
