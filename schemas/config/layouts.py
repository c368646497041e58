"""Keys of a source that say how its files belong together: lists of texts, joined tables, columns inside lists."""

import re
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from ..base import Strict

TextFrom = Literal["first", "random", "join", "each"]

_ON = r"^\s*[^=\s]+\s*=\s*[^=\s]+\s*$"
_ITEMS = re.compile(r"^(?P<column>[^\[\]]+)\[(?:(?P<key>[^\[\]=]+)=(?P<value>[^\[\]]*))?\]\.(?P<field>[^\[\]]+)$")


class Join(Strict):
    """A second table in the same JSON file, whose columns are added to each record."""

    table: str = Field(min_length=1, description="Key of the JSON object that holds the second table")
    on: str = Field(pattern=_ON, description="Column of the record = column of the second table, as `image_id = id`")

    @model_validator(mode="before")
    @classmethod
    def _on_is_a_key(cls, given: Any) -> Any:
        # YAML 1.1, which PyYAML reads, takes a bare `on` for true
        if isinstance(given, dict) and True in given:
            return {"on" if key is True else key: value for key, value in given.items()}
        return given

    @property
    def columns(self) -> tuple[str, str]:
        """The column of the record, and the column of the second table that must have the same value."""
        left, right = self.on.split("=")
        return left.strip(), right.strip()


class Items(NamedTuple):
    """A field of the items of a list column, of those items alone whose `key` has the given value."""

    column: str
    key: str | None
    value: str | None
    field: str


def items_of(column: str) -> Items | None:
    """Parse `conversations[from=gpt].value`, or `sentences[].raw` for all items; None for any other column."""
    found = _ITEMS.match(column)
    return Items(**found.groupdict()) if found else None
