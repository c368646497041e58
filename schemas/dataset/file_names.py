"""Names of files in a dataset, run or model that someone else may have made.

A name is relative and stays below its folder. Names are checked when they are parsed, and the path again before it is
read or written (`storage/inside.py`).
"""

from typing import Annotated

from pydantic import AfterValidator

LONGEST = 1024  # bytes


def checked_name(name: str) -> str:
    """Return a name that stays below its folder.

    Raises:
        ValueError: It is absolute, leads upwards, or has parts that no file of a dataset has.
    """
    parts = name.split("/")
    bad = any(part in ("", ".", "..") for part in parts) or "\\" in name or len(name.encode()) > LONGEST
    if bad or not name.isprintable():
        raise ValueError(f"{name[:100]!r} is not the name of a file below this folder")
    return name


FileName = Annotated[str, AfterValidator(checked_name)]
