"""Reads parts of a local file that must stay as it is, without mapping it into memory.

A file that is cut while it is mapped ends the process that touches it (SIGBUS), and one that is written into changes
what was already read. Here a read returns the bytes or raises Refusal. Few files are held open at a time.
"""

import os
import resource
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import Refusal

MOST_OPEN = 256


class State(NamedTuple):
    """What differs when another file stands at a path, or something was written into it."""

    inode: int
    size: int
    modified: int  # ns

    @classmethod
    def of(cls, path: str | int) -> "State":
        """State of a file, given by its path or descriptor."""
        found = os.stat(path)
        return cls(found.st_ino, found.st_size, found.st_mtime_ns)


class _Descriptor:
    """An open file, closed when no thread reads from it any more."""

    def __init__(self, path: str) -> None:
        self._close = os.close  # the module may be gone when the interpreter ends
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "number"):
            self._close(self.number)


def _most_open() -> int:
    """A quarter of the files that this process may open."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST_OPEN if limit == resource.RLIM_INFINITY else max(4, min(MOST_OPEN, limit // 4))


@lru_cache(maxsize=_most_open())
def _opened(path: str, state: State) -> _Descriptor:
    return _Descriptor(path)


class StoredFile:
    """A file as it is now.

    Args:
        path: Its path.
        where: Its name in messages.
    """

    def __init__(self, path: str, where: str) -> None:
        self._path, self._where = path, where
        self.state = State.of(path)

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.state.size

    def read_into(self, buffers: Sequence[npt.NDArray[Any]] | npt.NDArray[Any], offsets: Sequence[int]) -> None:
        """Fill arrays with the bytes from the given places on.

        Args:
            buffers: Contiguous arrays, also the rows of a matrix.
            offsets: Place in the file of each.

        Raises:
            Refusal: The file was cut, replaced or written into since it was opened, or is not there.
        """
        try:
            file = _opened(self._path, self.state)
            for buffer, offset in zip(buffers, offsets, strict=True):
                if buffer.nbytes and os.preadv(file.number, [buffer], offset) != buffer.nbytes:
                    raise self._changed()
            if State.of(file.number) != self.state:  # looked at last, so that it covers what was read
                raise self._changed()
        except OSError as error:
            raise Refusal(f"{self._where}: cannot be read ({error.strerror}). Restore it.", exit_code=1) from None

    def read(self, start: int, stop: int) -> npt.NDArray[np.uint8]:
        """Return the bytes from `start` to `stop`; raises Refusal as `read_into` does."""
        data = np.empty(max(stop - start, 0), np.uint8)
        self.read_into([data], [start])
        return data

    def _changed(self) -> Refusal:
        return Refusal(
            f"{self._where}: was cut or changed while it was in use. Restore it, or prepare the dataset again.",
            exit_code=1,
        )
