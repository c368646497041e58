"""A full disk ends a run in one paragraph: which file system it is, what is free there, and that nothing is lost.

No library says it in one way: most raise OSError with its number, some put the system's words into an error of
their own, and a cluster may wrap either.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import Refusal

FULL = {errno.ENOSPC: "is full", errno.EDQUOT: "has no room left in this user's quota"}


@contextmanager
def refusing_full_disk(folder: str | Path | None = None) -> Iterator[None]:
    """Turn what says that a disk is full into a Refusal; `folder` is where the block writes, if that is known."""
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        number = _full(error)
        if number is None:
            raise
        raise _refusal(number, Path(folder or _culprit(error))) from error


def _full(error: BaseException | None) -> int | None:
    """The number of the first error in the chain that tells of a full disk."""
    while error is not None:
        for number in FULL:
            if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
                return number
        error = error.__cause__ or error.__context__
    return None


def _culprit(error: BaseException) -> str:
    """The file that the error names, or the fuller of the places that libraries write to."""
    name = getattr(error, "filename", None)
    places = (tempfile.gettempdir(), os.getcwd())
    return name if isinstance(name, str) else min(places, key=lambda place: shutil.disk_usage(place).free)


def _refusal(number: int, place: Path) -> Refusal:
    place = place.absolute()
    while not place.exists() or not (place.is_dir() and place.is_mount()):
        place = place.parent
    usage = shutil.disk_usage(place)
    return Refusal(
        f"the file system at {place} {FULL[number]}: {usage.free / 1e6:,.1f} MB of {usage.total / 1e6:,.1f} MB are "
        "free. Nothing is damaged: what was committed is whole. Make room there, then run the same command again; "
        "it resumes where it stopped.",
        exit_code=1,
    )
