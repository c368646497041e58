"""Finds the local files that a glob matches, through links, and without passing over what cannot be read.

fsspec's own glob skips links to folders, takes links to files for something else than files, and skips folders that it
may not list.
"""

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator
from enum import StrEnum
from fnmatch import translate
from pathlib import PurePath

MAGIC = re.compile(r"[*?[]")


class Found(StrEnum):
    """What a path leads to, after links are followed."""

    FILE = "a file"
    FOLDER = "a folder"
    NOTHING = "nothing"
    DANGLING = "a link to something that does not exist"
    LOOP = "a link that leads back to itself"
    PIPE = "a named pipe"
    SOCKET = "a socket"
    DEVICE = "a device"


class BadPath(Exception):
    """A path that a glob leads to, and that can be no source."""

    def __init__(self, path: str, found: Found) -> None:
        super().__init__(path, found)
        self.path, self.found = path, found


def what_is(path: str) -> Found:
    """Look where a path leads to; raises PermissionError when a folder on the way may not be entered."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return Found.DANGLING if os.path.islink(path) else Found.NOTHING
    except PermissionError:
        raise PermissionError(errno.EACCES, "Permission denied", os.path.dirname(path)) from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return Found.LOOP
        raise
    if stat.S_ISREG(mode):
        return Found.FILE
    if stat.S_ISDIR(mode):
        return Found.FOLDER
    return Found.PIPE if stat.S_ISFIFO(mode) else Found.SOCKET if stat.S_ISSOCK(mode) else Found.DEVICE


def other_spelling(path: str) -> str | None:
    """Return a file or folder whose name has the same letters, composed in another way; None if there is none.

    File names from macOS have accents as characters of their own: https://unicode.org/reports/tr15/.
    """
    spellings = (unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path))
    return next((each for each in spellings if each != path and os.path.lexists(each)), None)


def local_glob(pattern: str, skip: Callable[[str], bool], flags: int = 0) -> Iterator[tuple[str, Found]]:
    """Yield (path, what it is) of everything that matches, in the order of names; no path twice.

    As in a shell, a wildcard matches no dot at the start of a name. `**` stands for any number of folders.

    Args:
        pattern: An absolute path with wildcards.
        skip: Tells of a folder or link that nothing below it belongs to the source.
        flags: Flags of `re` for the comparison of names.

    Raises:
        PermissionError: A folder that may hold a match may not be listed.
        BadPath: A link leads to a folder around it, or a dangling one stands where a folder is needed.
    """
    top = os.path.abspath(os.sep)
    seen: set[str] = set()
    walked: set[tuple[str, int]] = set()
    for path, found in _matches(top, PurePath(pattern).parts[1:], (), skip, flags, walked):
        if path not in seen:
            seen.add(path)
            yield path, found


def _matches(
    folder: str,
    parts: tuple[str, ...],
    around: tuple[str, ...],
    skip: Callable[[str], bool],
    flags: int,
    walked: set[tuple[str, int]],
) -> Iterator[tuple[str, Found]]:
    """Match `parts` below a folder, once.

    Args:
        folder: The folder.
        parts: What is left of the pattern.
        around: Real paths of the folders that the same `**` has gone through.
        skip: As for `local_glob`.
        flags: As for `local_glob`.
        walked: Each folder with the number of parts that were matched below it; several `**` reach it in many ways.
    """
    if (folder, len(parts)) in walked:
        return
    walked.add((folder, len(parts)))
    part, rest = parts[0], parts[1:]
    deep = part == "**"
    if deep and rest:
        yield from _matches(folder, rest, (), skip, flags, walked)
    around = (*around, os.path.realpath(folder)) if MAGIC.search(part) else ()
    for path, found, link in _named(folder, part, flags):
        if (link or found is Found.FOLDER) and skip(path):
            continue
        if (deep or rest) and found is Found.FOLDER:
            if link and os.path.realpath(path) in around:
                raise BadPath(path, Found.LOOP)
            yield from _matches(path, parts if deep else rest, around if deep else (), skip, flags, walked)
        elif not rest:
            yield path, found
        elif found in (Found.DANGLING, Found.LOOP) and _may_be_folder(path):
            raise BadPath(path, found)


def _named(folder: str, part: str, flags: int) -> Iterator[tuple[str, Found, bool]]:
    """Yield (path, what it is, whether it is a link) of what a part of a pattern matches in a folder."""
    if not MAGIC.search(part) and not flags:
        path = os.path.join(folder, part)
        found = what_is(path)
        if found is not Found.NOTHING:
            yield path, found, os.path.islink(path)
        return
    compared = re.compile(translate("*" if part == "**" else part), flags)
    with os.scandir(folder) as entries:
        matching = [entry for entry in entries if compared.match(entry.name)]
    for entry in sorted(matching, key=lambda entry: entry.name):
        if part.startswith(".") or not entry.name.startswith("."):
            yield entry.path, what_is(entry.path), entry.is_symlink()


def _may_be_folder(link: str) -> bool:
    """True unless a dangling link has the name of a file: such links, as of git-annex, are matched or none of ours."""
    return "." not in os.path.basename(os.readlink(link))
