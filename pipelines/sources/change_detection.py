"""A run sees one version of each source file: what changes or vanishes under it is refused, never mixed.

A file has a stamp from the moment when it is found. Everything taken from it is held until the file was seen to have
that stamp still, so rows that were read while somebody wrote go nowhere. A local file's stamp is its size and the two
times that the kernel sets at every write, even when the writer sets one of them back; an object's is its ETag, or what
else its store says of it. Rows that name files of their own have no such stamp: they are held until the digest of what
was read turns out to be that of what was identified.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from ...schemas.errors import Refusal
from .base import RawBatch, Unit

TICK = 0.02  # seconds; the kernel's file times go in steps of up to half of it, and within one a write does not show
ADVICE = (
    "No row of two versions was mixed. Let nothing write to the sources while a run goes on, then run the same command "
    "again: it takes what is there by then, and keeps what it has of everything else."
)


def stamp(url: str) -> str:
    """What changes when a file does; FileNotFoundError when it is not there."""
    fs, path = url_to_fs(url)
    if isinstance(fs, LocalFileSystem):
        found = os.stat(path)
        if 0 <= time.time() - found.st_ctime < TICK:
            time.sleep(TICK)
            found = os.stat(path)
        return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
    info = fs.info(path)
    tag = info.get("ETag") or info.get("etag")
    return str(tag).strip('"') if tag else str(fs.ukey(path))


@contextmanager
def unchanged(unit: Unit) -> Iterator[None]:
    """What the block reads is of the file that was found; raises Refusal, also instead of an error, when it is not."""
    try:
        yield
    except Exception:
        _require(unit)
        raise
    _require(unit)


def unchanged_batches(unit: Unit, batches: Iterator[RawBatch]) -> Iterator[RawBatch]:
    """The batches of a unit, each given out once its file is known to be what it was; raises Refusal when it is not."""
    while True:
        with unchanged(unit):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def require_digest(unit: Unit, digest: str) -> None:
    """Raise Refusal when what was read of an identified unit has another digest than it had."""
    if unit.digest and digest != unit.digest:
        rows = f"rows {unit.start} and after" if unit.stop is None else f"rows {unit.start} to {unit.stop - 1}"
        raise Refusal(
            f"{unit.path}: {rows}, or a file that they name, changed while the run went on. {ADVICE}", exit_code=1
        )


def _require(unit: Unit) -> None:
    fs, _ = url_to_fs(unit.path)
    fs.invalidate_cache()  # or a listing from before would answer
    try:
        now = stamp(unit.path)
    except FileNotFoundError:
        raise Refusal(f"{unit.path} vanished while the run went on. {ADVICE}", exit_code=1) from None
    if now != unit.stamp:
        raise Refusal(f"{unit.path} changed while the run went on. {ADVICE}", exit_code=1)
