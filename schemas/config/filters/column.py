"""The filter on a column of the source, such as a score that somebody else has computed."""

from typing import Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from .base import Filter


class Column(Filter):
    """Drops rows by the value of a column, which need not be kept; a row without a value is dropped."""

    # `in` is no name in Python
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, serialize_by_alias=True)

    name: Literal["column"]
    column: str = Field(min_length=1, description="Name of the column")
    min: float | None = Field(None, allow_inf_nan=False, description="Minimum, for numbers")
    max: float | None = Field(None, allow_inf_nan=False, description="Maximum, for numbers")
    among: tuple[bool | int | float | str, ...] | None = Field(
        None, alias="in", min_length=1, description="Values to keep"
    )
    matches: str | None = Field(
        None, min_length=1, description="Regular expression (RE2 syntax) that is found in the values to keep"
    )

    @property
    def reason(self) -> str:
        """The reason names the column, so every column has its own line in the ledger."""
        return f"column:{self.column}"

    @field_validator("matches")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            import pyarrow as pa
            import pyarrow.compute as pc

            try:
                pc.match_substring_regex(pa.array([""]), pattern)
            except pa.ArrowInvalid as error:
                raise ValueError(
                    f"{pattern!r} is not a regular expression of RE2 ({error}); it has no look-around and no "
                    "back-references, see https://github.com/google/re2/wiki/Syntax"
                ) from None
        return pattern

    @model_validator(mode="after")
    def _condition_leaves_something(self) -> "Column":
        if self.min is None and self.max is None and self.among is None and self.matches is None:
            raise ValueError("it has no condition; give one of min, max, in, matches")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min: {self.min:g}` is above `max: {self.max:g}`; no row would be kept")
        return self
