"""Lock on a run's `out`: only one run at a time, since a second one would delete what the first is writing.

On disks it is `flock` on a file, which the kernel releases when the holder ends, however it ends; Linux passes it on to
the server of an NFS mount. Object stores, and mounts without locks, use a lease (`lease.py`).
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from ..errors import Refusal
from .full_disk import refusing_full_disk
from .lease import Owner, held_by, lease
from .store import WORK, Store

LOCK = f"{WORK}/lock"
LOCKS_NOT_SUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def only_run(store: Store) -> Iterator[Callable[[], None]]:
    """Hold a store while the block runs.

    Yields:
        A function that raises Refusal when this run no longer holds the store.

    Raises:
        Refusal: Another run holds the store; the message names it.
    """
    path = Path(store.path(LOCK))
    with refusing_full_disk(path.parent):
        file = _open_locked(path, store.url) if store.local else None
    with lease(store) if file is None else _locked(path, file) as require:
        yield require


def _open_locked(path: Path, url: str) -> FileIO | None:
    """Open the lock file, lock it and write the owner into it; None when the file system has no locks."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            with file:
                if error.errno in LOCKS_NOT_SUPPORTED:
                    return None
                if not isinstance(error, BlockingIOError):
                    raise
                file.seek(0)
                raise held_by(url, Owner.parse(file.read()), "The lock is released when that process ends.") from None
        if _is_there(path, file):
            try:
                file.truncate(0)
                file.write(Owner.here().to_bytes())
            except OSError:
                file.close()
                raise
            return file
        file.close()  # the previous holder removed the file between opening and locking


@contextmanager
def _locked(path: Path, file: FileIO) -> Iterator[Callable[[], None]]:
    def require() -> None:
        if not _is_there(path, file):
            raise Refusal(
                f"{path} was removed during this run, so another run may have started there; this one stops. "
                "Nothing is damaged. Run the same command again to resume; delete `_work` only when no run is active.",
                exit_code=1,
            )

    with file:
        try:
            yield require
        finally:
            if _is_there(path, file):
                path.unlink()


def _is_there(path: Path, file: FileIO) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
