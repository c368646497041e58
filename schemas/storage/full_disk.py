"""Turns errors about a full disk into one Refusal: which file system is full, and that nothing is lost.

Libraries report a full disk in different ways: most raise OSError with an errno, some put the system's message into an
exception of their own, and a cluster may wrap either.
"""

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import Refusal

LITTLE = 64 << 10  # bytes; a disk with less is full
FULL = {errno.ENOSPC: "is full", errno.EDQUOT: "has no room left in this user's quota"}


class FullDisk(Refusal):
    """A file system is full; `place` is where it is mounted."""

    place: str = ""


@contextmanager
def refusing_full_disk(folder: str | Path | None = None) -> Iterator[None]:
    """Raise Refusal for an error that reports a full disk; `folder` is where the block writes, if that is known."""
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        number = _disk_full_errno(error)
        if number is None:
            raise
        raise _refusal(number, Path(folder or _full_place(error))) from error


@contextmanager
def suppressed_full_disk() -> Iterator[None]:
    """End the block quietly where the disk is full: it writes what a run can go on without."""
    try:
        yield
    except OSError as error:
        if _disk_full_errno(error) is None:
            raise


def quiet_full_disk_in_threads() -> None:
    """Print no traceback of a thread of a library that met a full disk; the library raises the error again."""
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if _disk_full_errno(args.exc_value) is None:
            before(args)

    threading.excepthook = hook


def failed_write(error: BaseException, folder: Path) -> FullDisk | None:
    """The Refusal for an error of a library that was writing to `folder`, if the disk is full; else None.

    torch reports a full disk in words of its own, so an error also counts when nothing is left on the disk.
    """
    number = _disk_full_errno(error)
    if number is None and shutil.disk_usage(_existing(folder)).free < LITTLE:
        number = errno.ENOSPC
    return None if number is None else _refusal(number, folder)


def _disk_full_errno(error: BaseException | None) -> int | None:
    """Return the errno of the first error in the chain that reports a full disk."""
    while error is not None:
        for number in FULL:
            if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
                return number
        error = error.__cause__ or error.__context__
    return None


def _full_place(error: BaseException) -> str:
    """Return the file that the error names, or the fuller of the folders that libraries write to."""
    name = getattr(error, "filename", None)
    places = (tempfile.gettempdir(), os.getcwd())
    return name if isinstance(name, str) else min(places, key=lambda place: shutil.disk_usage(place).free)


def _existing(place: Path) -> Path:
    place = place.absolute()
    while not place.exists():
        place = place.parent
    return place


def mount_of(place: Path) -> Path:
    """Return where the file system is mounted that holds a path, which need not exist."""
    place = _existing(place)
    while not (place.is_dir() and place.is_mount()):
        place = place.parent
    return place


def _refusal(number: int, place: Path) -> FullDisk:
    place = mount_of(place)
    usage = shutil.disk_usage(place)
    refusal = FullDisk(
        f"the file system at {place} {FULL[number]}: {usage.free / 1e6:,.1f} MB of {usage.total / 1e6:,.1f} MB are "
        "free. Nothing is damaged, and finished work is kept. Free some space there, then run the same command again; "
        "it resumes where it stopped.",
        exit_code=1,
    )
    refusal.place = str(place)
    return refusal
