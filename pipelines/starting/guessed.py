"""A guessed source, and what all guesses share: fields, folders, and globs that find some files again."""

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .columns import TextColumn, license_column
from .listing import Listing

SPLITS = ("train", "training")  # files that are read where others are named after these and other splits
OTHER_SPLITS = ("test", "validation", "valid", "val", "dev", "eval", "invalidated")


@dataclass(frozen=True)
class Guess:
    """A source, why it is one, and the files that it explains."""

    keys: dict[str, Any]  # keys of the source without its name, in the order in which they are written
    grounds: tuple[str, ...]
    claimed: frozenset[str]
    label: str  # folder or file after which the source is named
    hints: tuple[str, ...] = ()  # what the user may want to change


def fields_of(media: dict[str, str], text: TextColumn, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that name the columns of a source; of several texts in a row, each becomes a sample."""
    keys: dict[str, Any] = {name: media[name] for name in ("image", "audio") if name in media}
    keys["text"] = text.name
    keys |= {"text_from": "each"} if text.many else {}
    terms = license_column(columns)
    return keys | ({"license": terms} if terms else {})


def by_folder(names: Sequence[str]) -> dict[str, list[str]]:
    """Group files by the folder that they are in."""
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault(posixpath.dirname(name), []).append(name)
    return folders


def is_below(name: str, top: str) -> bool:
    """True if a file or folder of a listing is in the folder `top`, or is `top`."""
    return not top or name == top or name.startswith(f"{top}/")


def shared_folder(one: str, other: str) -> str:
    """Return the deepest folder of a listing that two folders are in, or are."""
    return posixpath.commonpath([one, other]) if one and other else ""


def paths_of(listing: Listing, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return paths or URLs that find some files and no others, and the files of each.

    One glob if that is possible, or else one for each folder, or else the files one by one.
    """
    if len(names) == 1:
        return {listing.url(names[0]): tuple(names)}
    top, pattern = glob_of(names)
    if {name for name in listing.every if finds(top, pattern, name)} == set(names):
        return {posixpath.join(escaped(listing.url(top)), pattern): tuple(names)}
    folders = by_folder(names)
    parts = folders.values() if len(folders) > 1 else [[name] for name in names]
    return {path: files for part in parts for path, files in paths_of(listing, part).items()}


def escaped(path: str) -> str:
    """Write a path so that a glob takes it as it is."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def glob_of(names: Sequence[str]) -> tuple[str, str]:
    """Return the folder that holds all of some files, and a glob below it that finds them by their ending.

    Files that are named after a split of training keep that word in the glob, so that other splits are not found.
    """
    folders = sorted({posixpath.dirname(name) for name in names})
    top = posixpath.commonpath(folders) if len(folders) > 1 else folders[0]
    files = [posixpath.basename(name) for name in names]
    endings = {name[name.find(".") :] for name in files}
    ending = endings.pop() if len(endings) == 1 else name_ending(files[0])
    word = next((word for word in SPLITS if all(name.startswith(word) for name in files)), "")
    return top, ("**/" if folders != [top] else "") + f"{word}*{ending}"


def finds(top: str, pattern: str, name: str) -> bool:
    """True if a glob of `glob_of` finds a file."""
    folder, file = posixpath.split(name)
    there = is_below(folder, top) if pattern.startswith("**/") else folder == top
    return there and fnmatchcase(file, pattern.removeprefix("**/"))


def name_ending(name: str) -> str:
    """Return the last extension of a name, with its dot."""
    return "." + name.rpartition(".")[2]


def split_of(name: str) -> str:
    """Return the split that a file is named after, such as `train` of train-00000.parquet, or its folder; else ""."""
    for part in reversed(name.lower().split("/")):
        word = part.replace("_", "-").replace(".", "-").partition("-")[0]
        if word in (*SPLITS, *OTHER_SPLITS):
            return word
    return ""
