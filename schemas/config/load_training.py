"""From YAML files and `--set` overrides to a checked TrainConfig or mix, or one paragraph that says what is wrong."""

from collections.abc import Sequence
from pathlib import Path

from .load import apply_override, check, read_yaml
from .mix import MixFile
from .training import TrainConfig

PAGE = "docs/reference/train-file.md"


def load_training(path: str | Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a train file and apply `key.path=value` overrides; raises Refusal on anything amiss."""
    tree = read_yaml(path, PAGE)
    for override in overrides:
        apply_override(tree, override)
    return check(TrainConfig, tree, str(path), PAGE)


def load_mix(path: str | Path) -> MixFile | TrainConfig:
    """Read a mix file, or a train file, which has its mix under `data`; raises Refusal on anything amiss."""
    tree = read_yaml(path, PAGE)
    if "data" in tree:
        return check(TrainConfig, tree, str(path), PAGE)
    return check(MixFile, tree, str(path), PAGE)
