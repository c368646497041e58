"""Finds the files of a source's `path:`, with labels that are the same on every machine."""

import errno
import os
import re
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fsspec.core import has_magic, url_to_fs
from fsspec.implementations.local import LocalFileSystem

from ...schemas.errors import Refusal, brief
from ...schemas.secrets import without_secrets
from ...schemas.storage.file_system import resolve
from .base import Unit
from .change_detection import stamp
from .glob_advice import ADVICE, advice
from .local_glob import BadPath, Found, local_glob, other_spelling, what_is
from .own_output import is_own_output

CACHE = "Put `simplecache::` before the address, and it is stored in a temporary folder."


def find(name: str, path: str) -> list[tuple[str, str]]:
    """Find the files of a source.

    A label is the file's path below the part of `path` without wildcards, so it does not depend on the machine, nor on
    what a link points to. It has no query of a URL, which may be a signature; files that differ by their queries alone
    are numbered.

    Args:
        name: Name of the source, for error messages.
        path: An fsspec URL, possibly with wildcards.

    Returns:
        (URL, label) of each file, sorted by label; each URL once.

    Raises:
        Refusal: Nothing matches, or something that is no file, or a folder or file cannot be read.
    """
    with refusing(name, path):
        return numbered(sorted(_find(name, path, path), key=lambda pair: pair[::-1]))


def _find(name: str, path: str, given: str) -> list[tuple[str, str]]:
    first, chained, rest = given.partition("::")
    if chained and what_is(os.path.abspath(given)) is Found.FILE:
        raise _chained_name(name, path, given)
    if not chained:
        fs, root = resolve(given)
        return _labelled(fs, root, _in_file_system(name, path, fs, root))
    outer = _find(name, path, rest)
    if "://" not in first:  # `simplecache::s3://…`: a cache before the rest
        if first == "blockcache":
            raise ValueError("blockcache keeps parts of files; use simplecache or filecache")
        return [(f"{first}::{url}", label) for url, label in outer]
    found = []
    for url, label in outer:  # `zip://*.jsonl::a.zip`: members of archives
        fs, root = url_to_fs(f"{first}::{url}")
        for match, member in _labelled(fs, root, _in_file_system(name, path, fs, root)):
            found.append((f"{match}::{url}", member if len(outer) == 1 else f"{label}/{member}"))
    return found


def _labelled(fs: Any, root: str, matches: list[str]) -> list[tuple[str, str]]:
    prefix = public_path(fs, root).rpartition("/")[0] if matches == [root] else _fixed_part(public_path(fs, root))
    names = [public_path(fs, match) for match in matches]
    return [
        (fs.unstrip_protocol(match), printable(name.removeprefix(prefix).lstrip("/")))
        for match, name in zip(matches, names, strict=True)
    ]


def public_path(fs: Any, path: str) -> str:
    """A path in a file system without what may be secret in its URL."""
    return path if isinstance(fs, LocalFileSystem) else without_secrets(str(fs.unstrip_protocol(path)))


def numbered(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Tell files of the same label apart by a number behind it."""
    seen: Counter[str] = Counter()
    apart = []
    for url, label in found:
        seen[label] += 1
        apart.append((url, label if seen[label] == 1 else f"{label}#{seen[label]}"))
    return apart


def _in_file_system(name: str, path: str, fs: Any, root: str) -> list[str]:
    local = isinstance(fs, LocalFileSystem)
    found = what_is(root) if local else _what_is_remote(fs, root)
    if found is Found.FILE:
        matches = [root] if not is_own_output(fs, root) else []
    elif found is Found.FOLDER:
        first, mark, rest = path.partition("::")
        fix = f"Name its files with a glob, such as {first.rstrip('/')}/*{mark}{rest}."
        raise _refusal(name, path, "is a folder, where a file is needed", fix)
    elif found is not Found.NOTHING:
        raise _refusal(name, path, f"is {found}", ADVICE[found])
    elif has_magic(root):
        matches = _local(name, path, root) if local else _remote(fs, root)
    elif local and (other := other_spelling(root)):
        fix = f"There is {other!r}, whose letters are composed in another way (Unicode normalization): copy that name."
        raise _refusal(name, path, "does not exist", fix)
    elif "{" in root:
        raise _refusal(name, path, "does not exist", advice(root, local))
    else:
        fs.info(root)  # raises the error that says whether it is missing or not readable
        matches = [root]
    if not matches:
        if "{" not in root:
            fs.ls(_fixed_part(root))  # raises if that does not exist
        if found is Found.FILE or is_own_output(fs, _fixed_part(root)):
            fix = "Nothing below `out` is a source: give another `out`, or another path."
            raise _refusal(name, path, "lies below `out`", fix)
        raise _refusal(name, path, "matches no file", advice(root, local))
    _require_permission(fs, matches)
    return matches


def _what_is_remote(fs: Any, root: str) -> Found:
    try:
        return Found.FILE if fs.isfile(root) else Found.FOLDER if fs.isdir(root) else Found.NOTHING
    except (LookupError, TypeError, AttributeError) as error:  # of a URL that the file system cannot take apart
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _local(name: str, path: str, root: str) -> list[str]:
    fs = LocalFileSystem()
    matches = []
    for match, found in local_glob(root, lambda each: is_own_output(fs, each)):
        if found not in (Found.FILE, Found.FOLDER):
            raise BadPath(match, found)
        matches += [match] if found is Found.FILE else []
    if chained := next((match for match in matches if "::" in match), None):
        raise _chained_name(name, path, chained)
    return matches


def _chained_name(name: str, path: str, file: str) -> Refusal:
    fix = "Rename it, or exclude it from the path."
    return _refusal(name, path, f"matches {file}, whose name has `::`, which divides the parts of a URL", fix)


def _remote(fs: Any, root: str) -> list[str]:
    found = [match for match, info in fs.glob(root, detail=True).items() if info["type"] in ("file", "link")]
    matches = [match for match in found if not is_own_output(fs, match)]
    fixed = _fixed_part(root)
    if re.search(r"(^|/)\.[^/.]", root.removeprefix(fixed)):
        return matches
    # as in a shell, a wildcard matches no dot at the start of a name
    return [match for match in matches if "/." not in "/" + match.removeprefix(fixed).lstrip("/")]


def whole_files(name: str, path: str) -> list[Unit]:
    """Return a unit for each file of a source; raises Refusal like `find`."""
    with refusing(name, path):
        return [Unit(url, label, stamp=stamp(url)) for url, label in find(name, path)]


def printable(name: str) -> str:
    """Make a file name valid UTF-8; other bytes become backslash escapes."""
    return name.encode(errors="backslashreplace").decode()


@contextmanager
def refusing(name: str, path: str) -> Iterator[None]:
    """Turn errors of the file system about `path`, and links that lead nowhere, into a Refusal."""
    try:
        yield
    except BadPath as bad:
        raise _refusal(name, path, f"matches {bad.path}, which is {bad.found}", ADVICE[bad.found]) from None
    except PermissionError as error:
        fix = "Give this user read permission, or exclude it from the path."
        raise _refusal(name, path, f"needs {error.filename or path}, which this user may not read", fix) from None
    except (FileNotFoundError, NotADirectoryError):
        fix = "Check the path; a relative path starts from the folder where the command runs."
        raise _refusal(name, path, "does not exist", fix) from None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise _refusal(name, path, "has a name that is too long", "Shorten it.") from None
    except (zipfile.BadZipFile, tarfile.TarError, RuntimeError) as error:  # also a member that needs a password
        raise _refusal(name, path, f"is an archive that cannot be read ({error})", "Unpack it.") from None
    except (ValueError, ImportError) as error:
        if "range requests" in str(error):
            raise _refusal(name, path, "is on a server that sends whole files only", CACHE) from None
        fix = "Install that package." if isinstance(error, ImportError) else "Use a URL that fsspec supports."
        raise _refusal(name, path, f"cannot be opened ({brief(error, 200)})", fix) from None


def _refusal(name: str, path: str, problem: str, fix: str) -> Refusal:
    return Refusal(f"`sources.{name}.path` is {path!r}: it {problem}. {fix}")


def _fixed_part(root: str) -> str:
    parts = root.split("/")
    wild = next((i for i, part in enumerate(parts) if has_magic(part)), len(parts) - 1)
    return "/".join(parts[:wild]) or "/"


def _require_permission(fs: Any, paths: list[str]) -> None:
    if isinstance(fs, LocalFileSystem):
        for path in paths:
            if not os.access(path, os.R_OK):
                raise PermissionError(errno.EACCES, "Permission denied", path)
