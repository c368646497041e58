"""Local copies of models that a path or fsspec URL names, for libraries that read local files only."""

import tempfile
from functools import lru_cache
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from ..schemas.errors import Refusal, brief
from ..schemas.storage.file_system import file_system
from ..schemas.storage.full_disk import refusing_full_disk


def local_copy(path: str) -> Path:
    """Return the local path of a file or folder; one at a URL is downloaded, once per process.

    A path that does not exist, such as the name of a model on a hub, is returned as it is.

    Raises:
        Refusal: There is nothing at the URL, or it cannot be read.
    """
    return _downloaded(path).path if "://" in path else Path(path).expanduser()


class _Copy:
    """A downloaded file or folder, deleted with the process."""

    def __init__(self, url: str) -> None:
        fs, where = file_system(url)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if isinstance(fs, LocalFileSystem):  # file://
            self.path = Path(where)
            return
        self._folder = tempfile.TemporaryDirectory(prefix="triptych-")
        self.path = Path(self._folder.name) / where.rstrip("/").rpartition("/")[2]
        try:
            with refusing_full_disk(self._folder.name):
                fs.get(where, str(self.path), recursive=not fs.isfile(where))
        except FileNotFoundError:
            raise Refusal(f"{url}: no such file or folder. Check `path`.") from None
        except OSError as error:
            raise Refusal(f"{url}: cannot be read ({brief(error, 200)}). Check the URL and its credentials.") from error


@lru_cache(maxsize=8)
def _downloaded(url: str) -> _Copy:
    return _Copy(url)
