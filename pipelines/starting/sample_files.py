"""Guesses sources of files that hold samples themselves: saved datasets, tars, Parquet, JSON lines, pairs of files."""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..sources.not_for_samples import WHY_INTERLEAVED, interleaved
from .columns import TextColumn, media_columns, text_column
from .guessed import OTHER_SPLITS, Guess, by_folder, escaped, fields_of, is_below, paths_of, split_of
from .listing import IMAGES, SOUNDS, Listing, extension, stem
from .saved_dataset import saved_columns
from .table_head import TableHead, table_head
from .tar_head import tar_members_of


def saved_datasets(listing: Listing, about: frozenset[str], notes: list[str]) -> list[Guess]:
    """Folders that `save_to_disk` of the datasets library wrote."""
    tops = [posixpath.dirname(name) for name in about if posixpath.basename(name) == "dataset_dict.json"]
    single = {posixpath.dirname(name) for name in about if posixpath.basename(name) == "state.json"}
    tops += [folder for folder in single if not any(is_below(folder, top) for top in tops)]
    return [one for top in sorted(tops) if (one := _saved(listing, top, notes))]


def _saved(listing: Listing, top: str, notes: list[str]) -> Guess | None:
    url = listing.url(top)
    columns, split = saved_columns(url)
    media = media_columns(columns)
    text = text_column(columns, list(media.values()))
    if text is None:
        notes.append(f"{url}: a saved dataset without a column of texts ({', '.join(columns)}).")
        return None
    keys = {"kind": "datasets", "path": url} | ({"split": split} if split else {}) | fields_of(media, text, columns)
    claimed = frozenset(name for name in listing.files if is_below(name, top))
    ground = "dataset_dict.json or state.json is what save_to_disk of the datasets library writes"
    return Guess(keys, (ground, text.ground), claimed, top or listing.root)


def tars(listing: Listing, about: frozenset[str], notes: list[str]) -> list[Guess]:
    """Tars of samples, a source for each folder of them."""
    found = []
    for folder, names in by_folder([name for name in listing.of("tar") if name in about]).items():
        columns, media = tar_members_of(listing.url(names[0]))
        text = _tar_text(columns)
        problem = "" if text and text.name in columns else interleaved_documents(_json_keys(columns))
        if text is None or problem:
            found_none = f"a tar without members of texts ({', '.join(columns)})."
            notes.append(f"{listing.url(names[0])}: {problem or found_none}")
            continue
        fields = {name: ";".join(kinds) for name, kinds in media.items()}
        fields = fields_of(fields, text, {name.removeprefix("json."): values for name, values in columns.items()})
        members = ", ".join(name for name in columns if not name.startswith("json."))
        grounds = (f"tars of samples with the members {members}, by the first of {posixpath.basename(names[0])}",)
        for path, read in paths_of(listing, names).items():
            beside = {stem(name) for name in read} | {f"{stem(name)}_stats" for name in read}
            claimed = frozenset(name for name in listing.files if name in read or stem(name) in beside)
            keys = {"kind": "webdataset", "path": path, **fields}
            found.append(Guess(keys, grounds, claimed, (folder or listing.root) if len(read) > 1 else read[0]))
    return found


def _tar_text(columns: dict[str, list[Any]]) -> TextColumn | None:
    for name in ("txt", "text", "caption", "cap", "transcript"):
        if name in columns:
            return TextColumn(name, False, f"members .{name}", 0.0)
    return text_column(_json_keys(columns))


def _json_keys(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name.removeprefix("json."): values for name, values in columns.items() if name.startswith("json.")}


def pairs(listing: Listing, about: frozenset[str], notes: list[str]) -> list[Guess]:
    """Images or clips with a text file of the same name."""
    texts = {stem(name): name for name in listing.of("txt", "caption", "lab")}
    found = []
    for modality, kinds in (("image", IMAGES), ("audio", SOUNDS)):
        both = [name for name in listing.of(*kinds) if stem(name) in texts and name in about]
        if not both:
            continue
        top = posixpath.commonpath([posixpath.dirname(name) for name in both]) if len(both) > 1 else ""
        media = ";".join(dict.fromkeys(extension(name) for name in both))
        text = ";".join(dict.fromkeys(extension(texts[stem(name)]) for name in both))
        keys = {"kind": "folder", "path": listing.url(top), "pair_by": "name", modality: media, "text": text}
        grounds = (f"{len(both):,} files have a .{text} file of the same name beside them",)
        found.append(Guess(keys, grounds, frozenset(both) | {texts[stem(name)] for name in both}, top or listing.root))
    return found


def columnar(listing: Listing, about: frozenset[str], notes: list[str]) -> list[Guess]:
    """Parquet files and JSON lines that hold texts and media themselves; a source for each set of columns."""
    found = []
    for kind in ("parquet", "jsonl", "json"):
        groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        heads: dict[tuple[str, ...], TableHead] = {}
        for names in by_folder([name for name in listing.of(kind) if name in about]).values():
            head = table_head(listing.url(names[0]), frozenset())
            if head is not None and head.format == "json":
                found += _documents(listing, names, notes)
            elif head is not None and head.format in ("parquet", "lines"):
                groups[tuple(head.columns)] += names
                heads.setdefault(tuple(head.columns), head)
        for shape, names in groups.items():
            found += _columnar(listing, names, heads[shape], notes)
    return found


def _documents(listing: Listing, names: Sequence[str], notes: list[str]) -> list[Guess]:
    """JSON files that are a list of records or hold one, each a table of its own."""
    found = []
    read, others = training_files(names)
    for name in read:
        head = table_head(listing.url(name), frozenset())
        text = text_column(head.columns) if head is not None and head.format == "json" else None
        problem = not_for_samples(head) if head is not None else ""
        if head is None or text is None or problem:
            notes.append(f"{listing.url(name)}: {problem or 'is JSON without a list of records that have texts.'}")
            continue
        folder, file = posixpath.split(name)
        keys = {"kind": "folder", "path": listing.url(folder), "table": escaped(file), **head.keys}
        grounds = (f"{file} is a JSON document with the columns {first_names(head.columns)}", text.ground)
        keys |= fields_of({}, text, head.columns)
        found.append(Guess(keys, grounds, frozenset([name, *others]), name))
    return found


def _columnar(listing: Listing, names: list[str], head: TableHead, notes: list[str]) -> list[Guess]:
    where = listing.url(names[0])
    media = media_columns(head.columns) if head.format == "parquet" else {}
    text = text_column(head.columns, list(media.values()))
    problem = not_for_samples(head)
    if text is None or problem:
        notes.append(f"{where}: {problem or f'has no column of texts ({first_names(head.columns)}).'}")
        return []
    read, others = training_files(names)
    what, kind = ("Parquet", "parquet") if head.format == "parquet" else ("JSON lines", "jsonl")
    grounds = (f"{what} with the columns {first_names(head.columns)}", text.ground)
    found = []
    for path, files in paths_of(listing, read).items():
        keys = {"kind": kind, "path": path, **fields_of(media, text, head.columns)}
        label = posixpath.dirname(files[0]) if len(files) > 1 else files[0]
        found.append(Guess(keys, grounds, frozenset([*files, *others]), label or listing.root, left_out(others)))
    return found


def not_for_samples(head: TableHead) -> str:
    """Tell tables that hold no samples: interleaved documents, and addresses of media; empty for all others."""
    if found := interleaved_documents(head.columns):
        return found
    names = {name.lower() for name in head.columns}
    addresses = names & {"url", "image_url", "audio_url"}
    if addresses and names & {"caption", "alt", "alt_text", "width"} and not media_columns(head.columns):
        return (
            f"holds addresses of media in `{min(addresses)}`, not media. Download them first, for example with "
            "img2dataset, and give the folder of its tars."
        )
    return ""


def interleaved_documents(columns: Mapping[str, Sequence[Any]]) -> str:
    """Tell interleaved documents by their columns; empty for anything else.

    Args:
        columns: First values by column.
    """
    found = interleaved(name for name, values in columns.items() if any(isinstance(value, list) for value in values))
    if found is None:
        return ""
    advice = f"To read the texts alone, write a source with `text: {found[0]}` and `text_from: join`."
    return f"holds interleaved documents, {WHY_INTERLEAVED} {advice}"


def training_files(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide files into those to read and those that other splits hold, by their names or those of their folders."""
    other = [name for name in names if split_of(name) in OTHER_SPLITS]
    if not other or len(other) == len(names):
        return list(names), []
    return [name for name in names if name not in other], other


def left_out(others: Sequence[str]) -> tuple[str, ...]:
    """Return the hint that files of other splits are not read, if there are any."""
    return (f"left out, since their names are those of other splits: {', '.join(others[:5])}",) if others else ()


def first_names(columns: Iterable[str]) -> str:
    """Return the names of the first columns, to be shown."""
    names = list(columns)
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
