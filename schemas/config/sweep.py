"""The sweep file: a train file, and the values that some of its keys are to take in turn."""

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

PAGE = "docs/how-to/scaling-laws.md"
Block = dict[str, list[Any]]  # by key path, as in `--set`


class SweepConfig(Strict):
    """A `triptych scaling sweep`."""

    out: str = Field(min_length=1, description="Folder below which each run has its own")
    train: str = Field(min_length=1, description="The train file that every run begins with; its `out` is not used")
    grid: tuple[Block, ...] = Field(min_length=1, description="Blocks; of each, every combination of its values")

    @field_validator("grid", mode="after")
    @classmethod
    def _values(cls, grid: tuple[Block, ...]) -> tuple[Block, ...]:
        for block in grid:
            if "out" in block:
                raise ValueError("`out` is each run's own, by its values; remove it from the grid")
            if empty := [key for key, values in block.items() if not values]:
                raise ValueError(f"`{empty[0]}` has no values")
        return grid


def load_sweep(path: str | Path) -> dict[str, TrainConfig]:
    """The runs of a sweep file by name, in its order; raises Refusal on anything amiss in it or in one of them."""
    sweep = check(SweepConfig, read_yaml(path, PAGE), str(path), PAGE)
    base = read_yaml(sweep.train, TRAINING)
    runs: dict[str, TrainConfig] = {}
    for block in sweep.grid:
        for chosen in product(*(range(len(values)) for values in block.values())):
            values = {key: block[key][at] for key, at in zip(block, chosen, strict=True)}
            name = ",".join(f"{key}={_short(values[key], at)}" for key, at in zip(block, chosen, strict=True)) or "run"
            if name in runs:
                raise Refusal(f"{path}: `grid` has {name} twice. Remove one of them.")
            runs[name] = _run(base, values | {"out": f"{sweep.out}/{name}"}, f"{path}, {name}")
    return runs


def _run(base: Mapping[str, Any], values: Mapping[str, Any], where: str) -> TrainConfig:
    tree = deepcopy(dict(base))
    for key, value in values.items():
        apply_override(tree, f"{key}={json.dumps(value)}")
    return check(TrainConfig, tree, where, TRAINING)


def _short(value: Any, number: int) -> str:
    """A value as part of a folder's name; what cannot be one goes by its place in the list."""
    text = str(value)
    return text if re.fullmatch(r"[\w.+-]+", text) else str(number)
