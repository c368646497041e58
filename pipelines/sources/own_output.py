"""Keeps what a run writes from being taken for its sources: nothing below `out` is a source."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from ...schemas.storage.file_system import file_system


@dataclass(frozen=True)
class _Out:
    """Where a run writes: names of one folder."""

    local: bool
    names: tuple[str, ...]


_out: ContextVar[_Out | None] = ContextVar("out", default=None)


@contextmanager
def no_source_below(out: str) -> Iterator[None]:
    """Within the block, files below `out` are found by no source."""
    fs, root = file_system(out)
    local = isinstance(fs, LocalFileSystem)
    token = _out.set(_Out(local, _local_names(root) if local else (fs.unstrip_protocol(root),)))
    try:
        yield
    finally:
        _out.reset(token)


def is_own_output(fs: Any, path: str) -> bool:
    """True if a file or folder is `out` or lies below it, on local disks also after links are followed."""
    out = _out.get()
    if out is None or isinstance(fs, LocalFileSystem) != out.local:
        return False
    names = _local_names(path) if out.local else (fs.unstrip_protocol(path),)
    return any(name == folder or name.startswith(f"{folder.rstrip('/')}/") for name in names for folder in out.names)


def _local_names(path: str) -> tuple[str, ...]:
    return os.path.abspath(path), os.path.realpath(path)
