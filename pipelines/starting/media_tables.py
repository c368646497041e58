"""Guesses sources of tables that name media files: CSV and its relatives, JSON lines and lists, COCO, Parquet."""

import posixpath
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .columns import text_column
from .file_names import MediaNames, NameMatch
from .guessed import OTHER_SPLITS, Guess, fields_of, glob_of, is_below, paths_of, shared_folder
from .listing import TABLES, Listing, stem
from .table_head import table_head

HEADS = 20  # tables of one kind that are looked at one by one; of more, the first ones stand for all
FIRST_TABLES = ("train", "validated", "metadata")  # of several tables of the same files, the one to choose
FORMATS = {"csv": "a text table", "lines": "JSON lines", "json": "a JSON document", "parquet": "a Parquet table"}


def media_tables(listing: Listing, about: frozenset[str], notes: list[str]) -> list[Guess]:
    """Find the tables whose columns hold names of media files; tables of one kind in many folders are one source."""
    media = MediaNames(listing.media)
    beside = {stem(name) for name in listing.media}
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in listing.of(*TABLES) if listing.media else ():
        if name in about and stem(name) not in beside:
            groups[posixpath.basename(name).partition(".")[2]].append(name)
    found: list[Guess] = []
    for names in groups.values():
        looked = [one for name in names[:HEADS] if (one := _table(listing, name, media))]
        alike = len(looked) > 1 and all(_same(one, looked[0]) for one in looked) and _in_own_folders(looked)
        if alike and len(paths_of(listing, names)) == 1:
            found.append(_as_one(listing, names, looked[0]))
        else:
            found += looked
    return _one_of_alike(found)


def _table(listing: Listing, name: str, media: MediaNames) -> Guess | None:
    """Guess the source of one table; None when no column names files, or none holds texts."""
    head = table_head(listing.url(name), media.known)
    if head is None:
        return None
    absolute = posixpath.abspath(listing.root) if "://" not in listing.root else listing.root
    folder = posixpath.dirname(name)
    found = {column: media.match(values, absolute, folder) for column, values in head.columns.items()}
    matches = {column: match for column, match in found.items() if match}
    text = text_column(head.columns, list(matches))
    if not matches or text is None:
        return None
    chosen = best_columns(matches)
    columns = {modality: column for modality, (column, _) in chosen.items()}
    _, match = next(iter(chosen.values()))
    base = shared_folder(folder, posixpath.dirname(match.file) if match.absolute else match.prefix.rstrip("/"))
    inside = f"{base}/" if base else ""
    prefix = match.prefix.removeprefix(inside)
    keys = {"kind": "folder", "path": listing.url(base), "table": name.removeprefix(inside), **head.keys}
    keys |= {"path_prefix": prefix} if prefix else {}
    keys |= {"path_suffix": match.suffix} if match.suffix else {}
    keys |= fields_of(columns, text, head.columns)
    named = " and ".join(f"`{column}`" for column in columns.values())
    what = f"{posixpath.basename(name)} is {FORMATS[head.format]}"
    ground = f"{what} whose column {named} holds names of files that exist"
    return Guess(keys, (ground, text.ground), _claimed(listing, [name], base), base or listing.root)


def best_columns(matches: Mapping[str, NameMatch]) -> dict[str, tuple[str, NameMatch]]:
    """Choose a column for each modality: the one with most names of files, then the one that lacks least of them.

    What the names lack is the same for all columns of a source, so a column that lacks something else is not chosen.
    """
    chosen: dict[str, tuple[str, NameMatch]] = {}
    order = sorted(matches.items(), key=lambda pair: (-pair[1].found, len(pair[1].suffix), len(pair[1].prefix)))
    first = order[0][1]
    for column, match in order:
        if (match.prefix, match.suffix, match.absolute) == (first.prefix, first.suffix, first.absolute):
            chosen.setdefault(match.modality, (column, match))
    return chosen


def _same(one: Guess, other: Guess) -> bool:
    place = {"path", "table"}
    return {k: v for k, v in one.keys.items() if k not in place} == {
        k: v for k, v in other.keys.items() if k not in place
    }


def _in_own_folders(guesses: Sequence[Guess]) -> bool:
    """True if every table lies in a folder of its own, with the files that it names."""
    folders = {guess.keys["path"] for guess in guesses}
    return len(folders) == len(guesses) and all("/" not in guess.keys["table"] for guess in guesses)


def _as_one(listing: Listing, names: Sequence[str], first: Guess) -> Guess:
    top, pattern = glob_of(names)
    keys = first.keys | {"path": listing.url(top), "table": pattern}
    grounds = (f"{len(names):,} tables such as {first.keys['table']}", *first.grounds)
    return Guess(keys, grounds, _claimed(listing, names, top), top or listing.root)


def _claimed(listing: Listing, tables: Sequence[str], top: str) -> frozenset[str]:
    """A source of tables explains these, and the media in the folder that it reads."""
    return frozenset(tables) | {name for name in listing.media if is_below(name, top)}


def _one_of_alike(found: list[Guess]) -> list[Guess]:
    """Keep one of several tables of one folder with the same columns: validated.tsv of Common Voice, and no other."""
    alike: defaultdict[tuple[Any, ...], list[Guess]] = defaultdict(list)
    for one in found:
        same = {key: value for key, value in one.keys.items() if key != "table"}
        alike[one.keys["path"], posixpath.dirname(one.keys["table"]), str(same)].append(one)
    kept = []
    for group in alike.values():
        group.sort(key=lambda one: (_preference(one.keys["table"]), one.keys["table"]))
        others = [posixpath.basename(one.keys["table"]) for one in group[1:]]
        hints = (
            (f"other tables of these files, which may overlap with this one: {', '.join(others)}",) if others else ()
        )
        kept.append(replace(group[0], hints=hints, claimed=frozenset().union(*(one.claimed for one in group))))
    return kept


def _preference(table: str) -> int:
    name = posixpath.basename(table).lower()
    places = [place for place, first in enumerate(FIRST_TABLES) if name.startswith(first)]
    return places[0] if places else len(FIRST_TABLES) + any(name.startswith(other) for other in OTHER_SPLITS)
