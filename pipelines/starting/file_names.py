"""Matches values of a table with the names of files: with a prefix and a suffix that the values lack."""

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .guessed import shared_folder
from .listing import IMAGES, extension, stem


@dataclass(frozen=True)
class NameMatch:
    """What has to be added to the values of a column to get names of files below the listed folder."""

    prefix: str
    suffix: str
    modality: str  # image or audio
    found: int  # number of values for which there is a file
    file: str  # the first of these files
    absolute: bool  # True when the values are names from the root of the file system


class MediaNames:
    """The media files of a listing, by their names without folders."""

    def __init__(self, files: Iterable[str]) -> None:
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        for file in files:
            self._by_name[posixpath.basename(file)].append(file)
            self._by_name[posixpath.basename(stem(file))].append(file)
        self.known = frozenset(self._by_name)

    def match(self, values: Sequence[Any], absolute: str, folder: str = "") -> NameMatch | None:
        """Find the prefix and suffix under which most values are names of files; None unless half of them are.

        Args:
            values: First values of a column.
            absolute: Path of the listed folder from the root, for values that begin there.
            folder: The folder of the table; of equally many files, those nearest to it are taken.
        """
        names = [value for value in values if isinstance(value, str) and value]
        counts: Counter[tuple[str, str, bool]] = Counter()
        files: defaultdict[tuple[str, str, bool], dict[str, None]] = defaultdict(dict)
        for value in names:
            pairs = self._pairs(value, absolute)
            counts.update(pairs.keys())
            for pair, file in pairs.items():
                files[pair][file] = None
        if not counts:
            return None
        pair = max(counts, key=lambda pair: (counts[pair], len(shared_folder(folder, pair[0].rstrip("/")))))
        found = counts[pair]
        if found < len(names) / 2:
            return None
        if pair[1] and len(files[pair]) < max(found / 2, min(found, 2)):  # numbers may happen to name some file
            return None
        file = next(iter(files[pair]))
        return NameMatch(*pair[:2], "image" if extension(file) in IMAGES else "audio", found, file, pair[2])

    def _pairs(self, value: str, absolute: str) -> dict[tuple[str, str, bool], str]:
        """Return the file for every prefix and suffix under which a value names one."""
        pairs = {}
        for file in self._by_name.get(posixpath.basename(value), ()):
            if posixpath.join(absolute, file) == value:
                return {("", "", True): file}
            for suffix in ("", file[len(stem(file)) :]):
                name = value + suffix
                if file == name or file.endswith(f"/{name}"):
                    pairs[file[: len(file) - len(name)], suffix, False] = file
        return pairs
