"""Names of files in a table: relative to the folder, or absolute and within it; never outside."""

import os
import posixpath
from typing import Any

from fsspec.implementations.local import LocalFileSystem


def name_within(fs: Any, root: str, name: str) -> str | None:
    """Return the name of a file relative to a folder; None if it is outside.

    Args:
        fs: File system of the folder.
        root: Path of the folder, without a protocol.
        name: A path relative to the folder, an absolute path, or a URL of the same file system.
    """
    protocol, separator, _ = name.partition("://")
    if separator and protocol in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol):
        return _below(fs, root, str(fs._strip_protocol(name)))
    if name.startswith("/"):
        return _below(fs, root, name)
    return name if is_inside(fs, root, name) else None


def _below(fs: Any, root: str, path: str) -> str | None:
    """Return the part of an absolute path below the folder; None if it is outside."""
    pairs = [(posixpath.normpath(path), posixpath.normpath(root))]
    if isinstance(fs, LocalFileSystem):  # the path may name the folder by a link, or by what the link points to
        pairs += [(pairs[0][0], os.path.realpath(root)), (os.path.realpath(path), os.path.realpath(root))]
    for full, top in pairs:
        name = full.removeprefix(f"{top.rstrip('/')}/")
        if name != full and is_inside(fs, root, name):
            return name
    return None


def is_inside(fs: Any, root: str, name: str) -> bool:
    """True if a file name stays below the folder `root`, on local disks also after links are followed."""
    plain = posixpath.normpath(name)
    if plain.startswith("/") or plain.split("/")[0] == "..":
        return False
    if not isinstance(fs, LocalFileSystem):
        return True
    top = os.path.realpath(root)
    return os.path.commonpath([top, os.path.realpath(posixpath.join(top, name))]) == top
