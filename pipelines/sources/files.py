"""Finds the files of a source's `path:`, with labels that are the same on every machine."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

from fsspec.core import has_magic, url_to_fs
from fsspec.implementations.local import LocalFileSystem

from ...schemas.errors import Refusal
from .base import Unit
from .change_detection import stamp


def find(name: str, path: str) -> list[tuple[str, str]]:
    """Find the files of a source.

    A label is the file's path below the part of `path` without wildcards, so it does not depend on the machine.

    Args:
        name: Name of the source, for error messages.
        path: An fsspec URL, possibly with wildcards.

    Returns:
        (URL, label) of each file, sorted by label.

    Raises:
        Refusal: Nothing matches, or a folder or file cannot be read.
    """
    with refusing(name, path):
        fs, root = url_to_fs(path)
        if fs.isfile(root):
            matches = [root]
        elif fs.isdir(root):
            fix = f"Name its files with a glob, such as {path.rstrip('/')}/*."
            raise _refusal(name, path, "is a folder, where a file is needed", fix)
        elif has_magic(root):
            matches = _glob(fs, root)
        else:
            fs.info(root)  # raises the error that says whether it is missing or not readable
            matches = [root]
        if not matches:
            fs.ls(_fixed_part(root))
            raise _refusal(name, path, "matches no file", "Check the path and its wildcards.")
        _require_readable(fs, matches)
    prefix = root.rpartition("/")[0] if matches == [root] else _fixed_part(root)
    archive = "".join(path.partition("::")[1:])  # `zip://*.jsonl::a.zip` names members of a file
    found = [
        (fs.unstrip_protocol(match) + archive, printable(match.removeprefix(prefix).lstrip("/"))) for match in matches
    ]
    return sorted(found, key=lambda pair: pair[1])


def whole_files(name: str, path: str) -> list[Unit]:
    """Return a unit for each file of a source; raises Refusal like `find`."""
    with refusing(name, path):
        return [Unit(url, label, stamp=stamp(url)) for url, label in find(name, path)]


def printable(name: str) -> str:
    """Make a file name valid UTF-8; other bytes become backslash escapes."""
    return name.encode(errors="backslashreplace").decode()


@contextmanager
def refusing(name: str, path: str) -> Iterator[None]:
    """Turn file-system errors about a missing or forbidden `path` into a Refusal."""
    try:
        yield
    except PermissionError as error:
        fix = "Give this user read permission, or exclude it from the path."
        raise _refusal(name, path, f"needs {error.filename or path}, which this user may not read", fix) from None
    except (FileNotFoundError, NotADirectoryError):
        fix = "Check the path; a relative path starts from the folder where the command runs."
        raise _refusal(name, path, "does not exist", fix) from None
    except (ValueError, ImportError) as error:
        raise _refusal(name, path, f"cannot be opened ({error})", "Use a URL that fsspec supports.") from None


def _refusal(name: str, path: str, problem: str, fix: str) -> Refusal:
    return Refusal(f"`sources.{name}.path` is {path!r}: it {problem}. {fix}")


def _fixed_part(root: str) -> str:
    parts = root.split("/")
    wild = next(i for i, part in enumerate(parts) if has_magic(part))
    return "/".join(parts[:wild]) or "/"


def _glob(fs: Any, root: str) -> list[str]:
    if isinstance(fs, LocalFileSystem):
        _require_listable(root)
    return [match for match, info in fs.glob(root, detail=True).items() if info["type"] == "file"]


def _require_listable(pattern: str) -> None:
    # fsspec silently skips folders that it cannot list, and the files in them would be missing
    for folder, folders, _ in os.walk(_fixed_part(pattern)):
        folders[:] = [name for name in folders if _may_hold_a_match(f"{folder}/{name}", pattern)]
        for name in folders:
            if not os.access(f"{folder}/{name}", os.R_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "Permission denied", f"{folder}/{name}")


def _may_hold_a_match(folder: str, pattern: str) -> bool:
    parts, wanted = folder.split("/"), pattern.split("/")
    for part, want in zip(parts, wanted, strict=False):
        if want == "**":
            return True
        if not fnmatchcase(part, want):
            return False
    return len(parts) < len(wanted)


def _require_readable(fs: Any, paths: list[str]) -> None:
    if isinstance(fs, LocalFileSystem):
        for path in paths:
            if not os.access(path, os.R_OK):
                raise PermissionError(errno.EACCES, "Permission denied", path)
