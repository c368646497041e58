"""Ensures that a run sees one version of each source file; a file that changes or vanishes during a run is refused.

A file gets a stamp when it is found. Rows read from it are held back until the stamp was checked again, so rows that
were read during a write are discarded. The stamp of a local file is its size and the two times that the kernel sets at
every write, even when the writer resets one of them; that of an object is its ETag or other information from its store.
Rows that name files have no such stamp: they are held back until the digest of what was read equals that of what was
identified.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from ...schemas.errors import Refusal
from .base import RawBatch, Unit

TICK = 0.02  # seconds; file times have a resolution of up to half of this, within which a write is not visible
# what stores say of the version of an object, besides its ETag
VERSIONS = (
    "blob_id", "sha", "hex", "generation", "md5Hash", "md5", "crc32c", "checksum", "Content-MD5", "Digest",
    "LastModified", "Last-Modified", "last_modified", "modificationTime", "mtime", "modify", "modified", "created",
)  # fmt: skip
ADVICE = (
    "Versions were not mixed. Make sure that nothing writes to the sources during a run, then run the same command "
    "again: it reads the current files and reuses finished work on all others."
)


def stamp(url: str) -> str:
    """Return a value that changes when a file changes; raises FileNotFoundError when it does not exist.

    The stamp of a member of an archive, and of a file behind a cache, is that of the file in which it is stored.
    """
    fs, path = url_to_fs(url.rpartition("::")[2])
    if isinstance(fs, LocalFileSystem):
        found = os.stat(path)
        if 0 <= time.time() - found.st_ctime < TICK:
            time.sleep(TICK)
            found = os.stat(path)
        return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
    return _stamp_of(fs, path)


def lasting_stamp(url: str) -> str | None:
    """Return a stamp that is worth keeping from run to run; None where the store states no version of the file.

    Unlike `stamp`, it has the inode of a local file. Raises FileNotFoundError when the file does not exist.
    """
    url = url.rpartition("::")[2]
    local = url.removeprefix("file://") if "://" not in url or url.startswith("file://") else None
    if local is not None and os.path.isabs(local):
        found = os.stat(local)
        return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
    fs, path = url_to_fs(url)
    if isinstance(fs, LocalFileSystem):
        return lasting_stamp(path)
    info = fs.info(path)
    return version_of(fs, path, info)


def _stamp_of(fs: Any, path: str) -> str:
    info = fs.info(path)
    version = version_of(fs, path, info)
    if version is not None:
        return version
    return f"size {info['size']}" if info.get("size") is not None else str(fs.ukey(path))


def version_of(fs: Any, path: str, info: dict[str, Any]) -> str | None:
    """Return what a store states of the version of an object; None if it states nothing."""
    tag = info.get("ETag") or info.get("etag")
    if tag:
        return str(tag).strip('"')
    known = [f"{key} {info[key]}" for key in VERSIONS if info.get(key) is not None]
    if isinstance(fs, MemoryFileSystem):
        known.append(f"modified {fs.modified(path)}")
    return " ".join([f"size {info.get('size')}", *known]) if known else None


@contextmanager
def unchanged(unit: Unit) -> Iterator[None]:
    """Guard a block that reads a unit's file.

    Raises:
        Refusal: The file is not the one that was found; also raised in place of an error in the block.
    """
    try:
        yield
    except Exception:
        _require(unit)
        raise
    _require(unit)


def unchanged_batches(unit: Unit, batches: Iterator[RawBatch]) -> Iterator[RawBatch]:
    """Yield the batches of a unit, each after a check that its file is unchanged; raises Refusal if it changed."""
    while True:
        with unchanged(unit):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def require_digest(unit: Unit, digest: str) -> None:
    """Raise Refusal when the digest of what was read differs from that of the identified unit."""
    if unit.digest and digest != unit.digest:
        rows = f"rows {unit.start} and after" if unit.stop is None else f"rows {unit.start} to {unit.stop - 1}"
        raise Refusal(f"{unit.path}: {rows}, or a file that they name, changed during the run. {ADVICE}", exit_code=1)


def _require(unit: Unit) -> None:
    fs, _ = url_to_fs(unit.path.rpartition("::")[2])
    fs.invalidate_cache()  # otherwise an old listing would be used
    try:
        now = stamp(unit.path)
    except FileNotFoundError:
        raise Refusal(f"{unit.path} vanished during the run. {ADVICE}", exit_code=1) from None
    if now != unit.stamp:
        raise Refusal(f"{unit.path} changed during the run. {ADVICE}", exit_code=1)
