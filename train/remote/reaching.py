"""Runs at URLs: which they are, and errors of their stores as one paragraph that holds no secret."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...schemas.config.locations import public_url
from ...schemas.errors import Refusal
from ...schemas.secrets import shown
from ...schemas.storage.store import Store

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://|:)")


def is_remote(run: str) -> bool:
    """Whether a run lies at a URL of another store than this machine's disks.

    Raises:
        Refusal: No file system is installed for the URL.
    """
    if not _URL.match(run) or run.startswith("file://"):
        return False
    return not Store(run).local


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn errors of a store into a Refusal that names the public URL."""
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        detail = shown(" ".join(str(error).split()).replace(url, public_url(url)))[:200]
        raise Refusal(
            f"{public_url(url)}: the store cannot be used ({type(error).__name__}: {detail}). Check the URL, the "
            "permissions and the network, then run the same command again.",
            exit_code=1,
        ) from error


@contextmanager
def naming(url: str, folder: Path) -> Iterator[None]:
    """Let a Refusal name the public URL of a run where it names the local folder that stands for it."""
    try:
        yield
    except Refusal as refusal:
        message = str(refusal).replace(str(folder), public_url(url)).replace(url, public_url(url))
        if message == str(refusal):
            raise
        raise Refusal(message, exit_code=refusal.exit_code) from None
