"""The sweep file: a train file and a grid of values for some of its keys."""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from ..base import Strict
from ..errors import Refusal
from .load import apply_override, check, read_yaml
from .load_training import PAGE as TRAINING
from .training import TrainConfig
from .yaml_file import Bare

PAGE = "docs/how-to/scaling-laws.md"
Block = dict[str, list[Any]]  # by key path, as in `--set`


class SweepConfig(Strict):
    """Configuration of `triptych scaling sweep`."""

    out: str = Field(min_length=1, description="Folder or fsspec URL with one subfolder per run")
    train: str = Field(min_length=1, description="Train file that all runs share; its `out` is not used")
    grid: tuple[Block, ...] = Field(min_length=1, description="Blocks of values by key; all combinations are run")

    @field_validator("grid", mode="after")
    @classmethod
    def _values(cls, grid: tuple[Block, ...]) -> tuple[Block, ...]:
        for block in grid:
            if "out" in block:
                raise ValueError("`out` is set for each run from its values; remove it from the grid")
            if empty := [key for key, values in block.items() if not values]:
                raise ValueError(f"`{empty[0]}` has no values")
        return grid


def load_sweep(path: str | Path) -> dict[str, TrainConfig]:
    """Read a sweep file and build the config of each run.

    Returns:
        Run name -> config, in the order of the grid.

    Raises:
        Refusal: The sweep file or the config of one run is invalid.
    """
    sweep = check(SweepConfig, read_yaml(path, PAGE), str(path), PAGE)
    base = read_yaml(sweep.train, TRAINING)
    runs: dict[str, TrainConfig] = {}
    for block in sweep.grid:
        for chosen in product(*(range(len(values)) for values in block.values())):
            values = {key: block[key][at] for key, at in zip(block, chosen, strict=True)}
            name = ",".join(f"{key}={_short(values[key], at)}" for key, at in zip(block, chosen, strict=True)) or "run"
            config = _run(base, values | {"out": f"{sweep.out}/{name}"}, f"{path}, {name}")
            if any(_same(config, other) for other in runs.values()):
                continue  # equal values are one run
            if name in runs:
                raise Refusal(f"{path}: `grid` has two different runs called {name}. Change one of the values.")
            runs[name] = config
    return runs


def _same(left: TrainConfig, right: TrainConfig) -> bool:
    return left.model_copy(update={"out": right.out}) == right


def _run(base: Mapping[str, Any], values: Mapping[str, Any], where: str) -> TrainConfig:
    tree = deepcopy(dict(base))
    for key, value in values.items():
        apply_override(tree, f"{key}={json.dumps(_numbers(value))}")
    return check(TrainConfig, tree, where, TRAINING)


def _numbers(value: Any) -> Any:
    """Replace numbers such as `1e-3`, which YAML 1.1 reads as text, by what they are meant to be."""
    if isinstance(value, dict):
        return {key: _numbers(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    return float(value) if isinstance(value, Bare) else value


def _short(value: Any, number: int) -> str:
    """Format a value for a folder name; a value that cannot be part of one is replaced by its index in the list."""
    text = str(value)
    return text if re.fullmatch(r"[\w.+-]+", text) else str(number)
