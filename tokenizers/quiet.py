"""Keeps the lines that C libraries print away from the terminal."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2

_lock = threading.Lock()
_inside = 0
_saved = -1


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Discard what is written to file descriptor 2 within the block, by any thread of this process.

    mpg123, which libsndfile reads MP3s with, reports damage there and has no other switch; the panics of a library in
    Rust are printed there too. Keep the block short.
    """
    global _inside, _saved
    with _lock:
        if not _inside:
            _saved = _redirect()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _saved >= 0:
                os.dup2(_saved, STDERR)
                os.close(_saved)


def _redirect() -> int:
    """Point standard error at nothing; returns a copy of it, or -1 where it is closed or no descriptor is left."""
    saved = -1
    try:
        saved = os.dup(STDERR)
        nothing = os.open(os.devnull, os.O_WRONLY)
    except OSError:
        if saved >= 0:
            os.close(saved)
        return -1
    os.dup2(nothing, STDERR)
    os.close(nothing)
    return saved
