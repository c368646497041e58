"""A strict model refuses what it does not know, does not change, and checks its own defaults."""

from typing import Annotated

import pytest
from pydantic import Field, PositiveInt, ValidationError

from triptych.schemas.base import AddedKey, Strict


class Block(Strict):
    """A model with a default that is sound and a key that must be given."""

    steps: PositiveInt
    name: str = "block"


class Unsound(Strict):
    """A model whose default is not allowed."""

    steps: PositiveInt = Field(0)


def test_unknown_keys_are_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="step\n"):
        Block.model_validate({"steps": 1, "step": 2})


def test_a_value_stays_as_it_was_made() -> None:
    block = Block(steps=1)
    with pytest.raises(ValidationError, match="frozen"):
        block.steps = 2  # type: ignore[misc]
    assert block == Block(steps=1, name="block")
    assert hash(block) == hash(Block(steps=1))


def test_a_default_that_is_not_allowed_is_refused() -> None:
    assert Unsound(steps=1).steps == 1
    with pytest.raises(ValidationError, match="greater than 0"):
        Unsound()


class Grown(Strict):
    """A model that got a key later, by itself and within another block."""

    steps: PositiveInt
    stride: Annotated[int, AddedKey()] = 1


class Changed(Strict):
    """A model whose added key changed the default."""

    model: Annotated[str, AddedKey(before="old")] = "new"


class Outer(Strict):
    """A block with a grown one in it, in a tuple."""

    blocks: tuple[Grown, ...]


def test_an_added_key_at_its_default_is_no_part_of_an_identity() -> None:
    outer = Outer(blocks=(Grown(steps=1), Grown(steps=2, stride=3)))
    assert outer.identity_body() == {"blocks": [{"steps": 1}, {"steps": 2, "stride": 3}]}
    assert outer.model_dump(mode="json") == {"blocks": [{"steps": 1, "stride": 1}, {"steps": 2, "stride": 3}]}


def test_an_identity_leaves_out_what_it_is_told_to() -> None:
    assert Grown(steps=2, stride=3).identity_body({"steps"}) == {"stride": 3}


def test_an_added_key_is_no_part_of_an_identity_at_the_value_that_means_what_was_done_before() -> None:
    assert Changed(model="old").identity_body() == {}
    assert Changed().identity_body() == {"model": "new"}
    assert Changed(model="old").model_dump() == {"model": "old"}
