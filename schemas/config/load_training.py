"""Load train files and mix files: YAML text becomes a validated config or a readable error."""

from collections.abc import Sequence
from pathlib import Path

from .load import apply_override, check, read_yaml
from .mix import MixFile
from .training import TrainConfig

PAGE = "docs/reference/train-file.md"


def load_training(path: str | Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read and validate a train file.

    Args:
        path: The YAML file.
        overrides: `key.path=value` strings from `--set`, applied in order.

    Raises:
        Refusal: The file cannot be read, or a key or value is invalid.
    """
    tree = read_yaml(path, PAGE)
    for override in overrides:
        apply_override(tree, override)
    return check(TrainConfig, tree, str(path), PAGE)


def load_mix(path: str | Path) -> MixFile | TrainConfig:
    """Read and validate a mix file, or a train file, which has a mix under `data`.

    Raises:
        Refusal: The file cannot be read, or a key or value is invalid.
    """
    tree = read_yaml(path, PAGE)
    if "data" in tree:
        return check(TrainConfig, tree, str(path), PAGE)
    return check(MixFile, tree, str(path), PAGE)
