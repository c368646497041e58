"""Compares what a model's config claims with the size of its weight files, before memory is taken for it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from ..schemas.errors import Refusal

MOST_NUMBER = 1 << 24  # in a config: widths, codes, layers, sample rates are all far below
SPARE = 1 << 20  # parameters that need no weights, such as tables of positions


def require_claims_fit(path: str, config: Any, weights: Sequence[Path], build: Callable[[], torch.nn.Module]) -> None:
    """Check that a model has about as many parameters as its weight files have bytes, or fewer.

    Args:
        path: Where the model is, for the message.
        config: The parsed config.json.
        weights: The weight files.
        build: Builds the model; it is called without memory for its parameters.

    Raises:
        Refusal: The config claims more than the files can hold.
    """
    number = _greatest(config)
    stored = sum(file.stat().st_size for file in weights)
    if number > MOST_NUMBER:
        raise _claims(path, f"a size of {number:,}", stored)
    try:
        with torch.device("meta"):
            parameters = sum(each.numel() for each in build().parameters())
    except Exception:  # a config of no model, of which the library that loads it says more
        return
    if parameters > stored + SPARE:  # a parameter takes a byte at least
        raise _claims(path, f"{parameters:,} parameters", stored)


def _greatest(node: Any) -> int:
    """Return the greatest whole number in a tree."""
    if isinstance(node, dict):
        return max(map(_greatest, node.values()), default=0)
    if isinstance(node, list):
        return max([len(node), *map(_greatest, node)])
    return node if isinstance(node, int) else 0


def _claims(path: str, what: str, stored: int) -> Refusal:
    return Refusal(
        f"{path}: its config.json claims {what}, but the weights have {stored:,} bytes, so one of the files is damaged "
        "or made to fill the memory. Copy the whole folder again from where it was published."
    )
