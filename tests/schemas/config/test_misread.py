"""Values that pydantic would convert, and what stays as it is."""

from typing import Any

import pytest
from pydantic import Field

from triptych.schemas.base import Strict
from triptych.schemas.config.misread import misread
from triptych.schemas.config.yaml_file import parse_yaml


class Below(Strict):
    """A block."""

    rate: float = 0
    used: bool = False


class Block(Strict):
    """A block with a list, a mapping and another block."""

    count: int = 0
    below: Below = Below()
    pair: tuple[float, ...] = ()
    shares: dict[int, float] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("count: true", "count"),
        ("count: '3'", "count"),
        ("below: {rate: '3'}", "below.rate"),
        ("below: {rate: 'inf'}", "below.rate"),
        ("below: {rate: 1e400}", "below.rate"),
        ("below: {used: 'yes'}", "below.used"),
        ("pair: [1, '2']", "pair.1"),
        ("shares: {1: .5, 2: '.5'}", "shares.2"),
    ],
)
def test_a_converted_value_is_found_by_its_key(text: str, key: str) -> None:
    tree: Any = parse_yaml(text)
    assert [found for found, _, _ in misread(tree, Block.model_validate(tree))] == [key]


@pytest.mark.parametrize("text", ["count: 2.0", "below: {rate: 1e-3, used: 1}", "pair: [1, .5]", "shares: {'1': 1}"])
def test_what_can_be_meant_passes(text: str) -> None:
    tree: Any = parse_yaml(text)
    assert not list(misread(tree, Block.model_validate(tree)))
