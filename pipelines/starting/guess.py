"""Guesses sources from what lies below a path, rule by rule; what one rule explains, the next ones do not see."""

import posixpath
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from .guessed import Guess, paths_of
from .listing import Listing, extension
from .media_tables import media_tables
from .sample_files import columnar, pairs, saved_datasets, tars
from .text_tables import text_tables

TEXTS = (
    *("txt", "md", "markdown", "rst", "tex", "html", "htm", "xml", "org", "adoc", "srt", "vtt"),
    *("py", "js", "ts", "jsx", "tsx", "java", "c", "h", "cc", "cpp", "hpp", "cs", "go", "rs", "rb", "php", "swift"),
    *("kt", "scala", "r", "jl", "lua", "pl", "sh", "sql", "css", "ipynb", "yaml", "yml", "toml", "hs", "ml", "m"),
)


@dataclass
class Guesses:
    """All sources of a listing, and what was found and is none."""

    sources: list[Guess] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def guess(listing: Listing, about: Sequence[str]) -> Guesses:
    """Guess the sources below a path.

    Args:
        listing: The files.
        about: The files that the user named; others only belong to them.
    """
    found = Guesses()
    left = listing
    for rule in RULES:
        only = frozenset(about)
        for one in rule(left, only, found.notes):
            found.sources.append(one)
            left = left.without(one.claimed)
    return found


def whole_files(listing: Listing, about: frozenset[str], notes: list[str]) -> list[Guess]:
    """Text files, each one document, a source for each extension."""
    found = []
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in listing.of(*TEXTS):
        if name in about and extension(name) == posixpath.basename(name).lower().rpartition(".")[2]:
            groups[extension(name)].append(name)
    for kind, names in sorted(groups.items(), key=lambda pair: -len(pair[1])):
        for path, files in paths_of(listing, names).items():
            keys = {"kind": "files", "path": path}
            grounds = (f"{len(files):,} .{kind} file{'s' * (len(files) > 1)}: each is one document",)
            label = (posixpath.dirname(files[0]) or listing.root) + f"-{kind}" if len(files) > 1 else files[0]
            found.append(Guess(keys, grounds, frozenset(files), label))
    return found


RULES = (saved_datasets, tars, media_tables, pairs, columnar, text_tables, whole_files)
