"""From paths to a run file: list, guess, measure, write."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from ...schemas.config.load import check
from ...schemas.config.run import RunConfig
from ...schemas.errors import Refusal
from .guess import guess
from .guessed import Guess
from .listing import Listing, extension, list_files
from .run_file import clean_name, run_file, source_names
from .sizes import sizes_of

SHOWN = 5  # files that are named among those that no source explains


@dataclass(frozen=True)
class Started:
    """A run file, its sources with their names, and what was found that is no source."""

    text: str
    sources: tuple[tuple[str, Guess], ...]
    notes: tuple[str, ...]


def start(paths: Sequence[str], command: str, file: str) -> Started:
    """Guess the sources below some paths and write a run file for them.

    Args:
        paths: Folders, files or URLs.
        command: The command that was called.
        file: Name of the run file.

    Raises:
        Refusal: A path does not exist, or nothing below the paths can be a source.
    """
    guesses: list[Guess] = []
    notes: list[str] = []
    for path, listing, about in _listings(paths):
        found = guess(listing, about)
        guesses += found.sources
        notes += found.notes
        claimed = frozenset().union(*(one.claimed for one in found.sources))
        noted = " ".join(found.notes)
        left = [name for name in about if name not in claimed and listing.url(name) not in noted]
        notes += _unexplained(listing, left)
        if not listing.whole:
            notes.append(f"{path}: has more than {len(listing.files):,} files; the others were not looked at.")
    if not guesses:
        reasons = " ".join(notes) or "There are no texts, tables, tars, images with texts or clips with texts."
        raise Refusal(f"{', '.join(paths)}: nothing there can be a source. {reasons} See docs/how-to/sources.md.")
    name = clean_name(posixpath.basename(posixpath.abspath(paths[0])))
    tree = {"name": name, "out": f"out/{name}"}
    named = list(zip(source_names(guesses), guesses, strict=True))
    sources = [{"name": label} | one.keys for label, one in named]
    config = check(RunConfig, tree | {"sources": sources}, file)
    sizes = sizes_of(config.sources, config.limits)
    return Started(run_file(name, guesses, sizes, command, file), tuple(named), tuple(notes))


def _listings(paths: Sequence[str]) -> list[tuple[str, Listing, tuple[str, ...]]]:
    """List the paths; files that are all of a folder with their extension are looked at together."""
    found = []
    single: dict[str, tuple[str, Listing, tuple[str, ...]]] = {}
    for path in paths:
        listing, about = list_files(path)
        if about == listing.files and not path.endswith(f"/{about[0]}") and path != about[0]:
            found.append((path, listing, about))
            continue
        key = f"{listing.root} {extension(about[0])}"
        single[key] = (path, listing, (*single[key][2], *about) if key in single else about)
    for path, listing, about in single.values():
        every = {name for name in listing.of(extension(about[0])) if "/" not in name}
        groups = [tuple(sorted(about))] if every == set(about) else [(name,) for name in about]
        found += [(path, listing, group) for group in groups]
    return found


def _unexplained(listing: Listing, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")
    return [f"{listing.root}: {shown}"]
