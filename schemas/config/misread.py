"""Finds the values of a config that pydantic converts, although nobody can mean them: `seed: yes`, `steps: "100"`.

Pydantic's own strict mode would also refuse a list for a tuple, a text for an enumeration and `1.0e6` for an integer.
"""

import math
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from .yaml_file import Bare

Misread = tuple[str, Any, str]


def misread(given: Any, made: Any, key: str = "") -> Iterator[Misread]:
    """Compare what a file holds with what was made of it.

    Args:
        given: The parsed YAML.
        made: The valid model, or a part of it.
        key: Keys that lead here, joined by dots.

    Yields:
        Key, given value, and what is wrong, of each value of another type.
    """
    if isinstance(given, dict) and isinstance(made, BaseModel):
        for name, value in given.items():
            yield from misread(value, getattr(made, str(name), None), f"{key}.{name}".lstrip("."))
    elif isinstance(given, dict) and isinstance(made, dict):
        for (name, value), part in zip(given.items(), made.values(), strict=False):
            yield from misread(value, part, f"{key}.{name}".lstrip("."))
    elif isinstance(given, list | tuple) and isinstance(made, list | tuple):
        for at, (value, part) in enumerate(zip(given, made, strict=False)):
            yield from misread(value, part, f"{key}.{at}")
    elif what := _what_is_wrong(given, made):
        yield key, given, what


def _what_is_wrong(given: Any, made: Any) -> str | None:
    if isinstance(made, bool):
        return None if isinstance(given, bool | int) else "it must be true or false, without quotes"
    if not isinstance(made, int | float):
        return None
    if isinstance(given, bool):
        return "a number is needed, not true or false"
    if isinstance(given, str) and not isinstance(given, Bare):
        return "a number is needed, without quotes"
    return None if math.isfinite(made) else "it is not a finite number"
