"""Guesses sources of text tables that hold the texts themselves: CSV and TSV without files that they name."""

import posixpath
from collections import defaultdict

from .columns import text_column
from .guessed import Guess, by_folder, escaped, fields_of, is_below, paths_of
from .listing import IMAGES, SOUNDS, Listing, extension
from .sample_files import first_names, left_out, not_for_samples, training_files
from .table_head import TableHead, table_head

Shape = tuple[tuple[str, ...], str]  # names of the columns, and how their values are divided


def text_tables(listing: Listing, about: frozenset[str], notes: list[str]) -> list[Guess]:
    """CSV and TSV files with a column of texts, a source for each set of columns.

    A table beside images or clips belongs to these, whether they are a source or not.
    """
    media = [name for name in listing.every if extension(name) in (*IMAGES, *SOUNDS)]
    groups: defaultdict[Shape, list[str]] = defaultdict(list)
    heads: dict[Shape, TableHead] = {}
    for folder, names in by_folder([name for name in listing.of("csv", "tsv") if name in about]).items():
        if any(is_below(name, folder) for name in media):
            continue
        head = table_head(listing.url(names[0]), frozenset())
        if head is not None:
            shape = tuple(head.columns), str(head.keys)
            groups[shape] += names
            heads.setdefault(shape, head)
    return [one for shape, names in groups.items() for one in _tables(listing, names, heads[shape], notes)]


def _tables(listing: Listing, names: list[str], head: TableHead, notes: list[str]) -> list[Guess]:
    shown = first_names(head.columns)
    text = text_column(head.columns)
    problem = not_for_samples(head)
    if text is None or problem:
        notes.append(f"{listing.url(names[0])}: {problem or f'has no column of texts ({shown}).'}")
        return []
    read, others = training_files(names)
    found = []
    for path, files in paths_of(listing, read).items():
        folder, table = posixpath.split(path if len(files) > 1 else listing.url(files[0]))
        if folder.endswith("/**"):
            folder, table = folder.removesuffix("/**"), f"**/{table}"
        keys = {
            "kind": "folder",
            "path": folder or ".",
            "table": table if len(files) > 1 else escaped(table),
            **head.keys,
        }
        keys |= fields_of({}, text, head.columns)
        grounds = (f"{posixpath.basename(files[0])} is a text table with the columns {shown}", text.ground)
        label = posixpath.dirname(files[0]) if len(files) > 1 else files[0]
        found.append(Guess(keys, grounds, frozenset([*files, *others]), label or listing.root, left_out(others)))
    return found
