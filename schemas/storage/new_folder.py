"""A folder that is complete or absent: written beside its place under a temporary name, then renamed."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import Refusal
from .full_disk import refusing_full_disk
from .store import TEMPORARY


@contextmanager
def new_folder(out: str) -> Iterator[Path]:
    """Create a folder on this machine, which is there once the block ends, and not at all if the block raises.

    Args:
        out: Path of the folder, which must not exist.

    Yields:
        The temporary folder to write to.

    Raises:
        Refusal: The folder exists, is a URL, or the disk is full.
    """
    if "://" in out:
        raise Refusal(f"{out}: is a URL. Give a folder of this machine, and copy it to the store afterwards.")
    final = Path(out)
    if final.exists() or final.is_symlink():
        raise Refusal(f"{out}: exists, and is not replaced. Give the name of a new folder, or delete it.")
    temporary = final.parent / f"{TEMPORARY}{final.name[:100]}-{uuid.uuid4().hex[:12]}"
    try:
        with refusing_full_disk(final.parent):
            temporary.mkdir(parents=True)
            yield temporary
            temporary.rename(final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
