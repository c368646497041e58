"""Lists the files below a path, and sorts their names."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from fsspec.core import url_to_fs

from ...schemas.errors import Refusal

MOST = 100_000  # files that are listed of a path; more of them would tell nothing new
IMAGES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "jxl")
SOUNDS = ("wav", "flac", "mp3", "ogg", "opus", "oga", "m4a", "aac", "aiff", "aif", "amr", "webm", "mp4")
PACKED = ("gz", "zst", "bz2", "xz")  # compression of another format
TABLES = ("csv", "tsv", "txt", "jsonl", "ndjson", "json", "parquet")
NOT_DATA = ("readme", "license", "licence", "changelog", "citation", "dataset_infos", "dataset_info", "state")


def extension(name: str) -> str:
    """Return the extension of a file in lower case, without that of a compression: `jsonl` of `a.JSONL.gz`."""
    parts = posixpath.basename(name).lower().split(".")[1:]
    if len(parts) > 1 and parts[-1] in PACKED:
        parts.pop()
    return {"tgz": "tar", "ndjson": "jsonl"}.get(parts[-1], parts[-1]) if parts else ""


def stem(name: str) -> str:
    """Return the path of a file without its extension."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.rpartition(".")[0]


@dataclass(frozen=True)
class Listing:
    """The files below `root`, by their names relative to it, sorted."""

    root: str  # as the user wrote it
    files: tuple[str, ...]
    whole: bool = True  # False when there are more files than were listed
    claimed: tuple[str, ...] = ()  # files that a source explains already

    def url(self, name: str) -> str:
        """Return the path or URL of a file, or of a folder, below the root."""
        if not name:
            return self.root
        return name if self.root == "." else posixpath.join(self.root, name)

    def of(self, *extensions: str) -> list[str]:
        """Return the files that have one of some extensions, without README and the like."""
        return [name for name in self.files if extension(name) in extensions and not is_about(name)]

    @cached_property
    def media(self) -> tuple[str, ...]:
        """All image and audio files, sorted."""
        return tuple(self.of(*IMAGES, *SOUNDS))

    def without(self, names: Iterable[str]) -> "Listing":
        """Return the listing without some files."""
        gone = set(names)
        left = tuple(name for name in self.files if name not in gone)
        return Listing(self.root, left, self.whole, (*self.claimed, *sorted(gone)))

    @property
    def every(self) -> tuple[str, ...]:
        """All files, also those that a source explains already."""
        return (*self.files, *self.claimed)


def is_about(name: str) -> bool:
    """True for files that describe data, such as README.md."""
    return posixpath.basename(name).lower().partition(".")[0] in NOT_DATA


def list_files(path: str) -> tuple[Listing, tuple[str, ...]]:
    """List what is at a path.

    Args:
        path: A folder or a file, as a path or an fsspec URL. Of a file, the folder that it is in is listed, since a
            table may name files beside it.

    Returns:
        The listing, and the names in it that the path is about: one file, or all of them.

    Raises:
        Refusal: There is nothing at the path, or no file below it.
    """
    try:
        fs, root = url_to_fs(path)
        single = fs.isfile(root)
        there = fs.exists(root)
    except (ValueError, ImportError, OSError) as error:
        raise Refusal(
            f"{path}: cannot be opened ({error}). Give a folder, a file, or a URL that fsspec knows."
        ) from None
    if not there:
        raise Refusal(f"{path}: does not exist. Give a folder or files that hold your data.")
    top = root.rpartition("/")[0] if single else root.rstrip("/")
    files: list[str] = []
    for folder, folders, names in fs.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_work")))
        below = folder.rstrip("/")[len(top) :].lstrip("/")
        files += [posixpath.join(below, name) for name in sorted(names) if not name.startswith(".")]
        if len(files) > MOST:
            break
    shown = posixpath.dirname(path) or "." if single else path.rstrip("/") or "/"
    listing = Listing(shown, tuple(sorted(files[:MOST])), len(files) <= MOST)
    if single:
        return listing, (posixpath.basename(root),)
    if not files:
        raise Refusal(f"{path}: is an empty folder. Give a folder or files that hold your data.")
    return listing, listing.files
