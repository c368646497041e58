"""Writes the guessed sources as a commented run file."""

import json
import posixpath
import re
import shlex
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from .guessed import Guess
from .sizes import Sizes

WIDTH = 100
KINDS = {
    "jsonl": "JSON lines: one object a line",
    "parquet": "Parquet files",
    "webdataset": "Tars of samples: the members of a sample have the same name",
    "folder": "A folder of images or clips with their texts",
    "files": "Whole files: each is one document",
    "datasets": "What the datasets library loads",
}
KEYS = {
    "path": "The files: a path or URL, in which * stands for any name and ** for any folders",
    "split": "Split of the dataset",
    "table": "The table, below `path`",
    "delimiter": "Character between the fields of a line",
    "quoting": "How quotes are read: with none, a quote is a character like others",
    "columns": "Names of the columns: the table has no header line",
    "records": "Key of the list of records in the JSON file",
    "join": "A second list in the JSON file, and the columns by which it is joined",
    "path_prefix": "What the names of files in the table begin with, and the table leaves out",
    "path_suffix": "What the names of files in the table end with, and the table leaves out",
    "pair_by": "Files of the same name belong together, without a table",
    "image": "Column of the image",
    "audio": "Column of the clip",
    "text": "Column of the text",
    "text_from": "A row has several texts: each makes a sample; other choices are first, random and join",
    "license": "Column of the licence, which is kept with every segment",
}
MEMBERS = {  # keys that name extensions of files, and no columns
    "image": "Extension of the image",
    "audio": "Extension of the clip",
    "text": "Extension of the text, or key of the .json",
}
FOLDER = "The folder: a path or URL"


def run_file(name: str, guesses: Sequence[Guess], sizes: Sizes, command: str, file: str) -> str:
    """Write a run file.

    Args:
        name: Name of the dataset.
        guesses: The sources.
        sizes: Row length and tokenizers.
        command: The command that was called, for the first line.
        file: Name of the run file, for the commands in the first lines.
    """
    command_line = f"triptych prepare {shlex.quote(file)}"
    lines = [
        f"# Written by `{command}`. Read what was guessed, change what is wrong, then:",
        f"#   {command_line} --check",
        "#     looks at the first rows of every source, in seconds",
        f"#   {command_line} --limit 100 --set out=out/{name}-try",
        "#     prepares the first 100 rows of every source",
        f"#   {command_line}",
        "#     prepares everything",
        "# docs/reference/run-file.md describes all keys, also those of filters and evaluation sets.",
        "",
        "# Name of the dataset",
        f"name: {_value(name)}",
        "# Where it is written: a folder, or a URL such as s3://bucket/name",
        f"out: {_value(f'out/{name}')}",
        *_comment(f"Tokens per row that the model reads. {sizes.row_ground}", ""),
        f"row_length: {sizes.row_length}",
        "",
        "sources:",
    ]
    for label, guess in zip(source_names(guesses), guesses, strict=True):
        lines += _source(label, guess)
    lines += ["", *_tokenizers(sizes), "", *_duplicates(sizes)]
    return "\n".join(lines) + "\n"


def _source(label: str, guess: Guess) -> list[str]:
    lines = _comment("Guessed: " + "; ".join(guess.grounds) + ".", "  ")
    for hint in guess.hints:
        lines += _comment(hint[0].upper() + hint[1:] + ".", "  ")
    lines += ["  # Name of the source, in statistics and in every segment", f"  - name: {_value(label)}"]
    for key, value in guess.keys.items():
        lines += [f"    # {_meaning(key, guess.keys)}", f"    {key}: {_value(value)}"]
    return lines


def _meaning(key: str, keys: Mapping[str, Any]) -> str:
    if key == "kind":
        return KINDS[keys["kind"]]
    if key == "path" and keys["kind"] in ("folder", "datasets"):
        return FOLDER
    extensions = keys["kind"] == "webdataset" or "pair_by" in keys
    return MEMBERS[key] if extensions and key in MEMBERS else KEYS[key]


def _tokenizers(sizes: Sizes) -> list[str]:
    lines = ["# Tokenizers: trained in this run; or give `path` of one that exists", "tokenizers:"]
    lines += _comment(f"Pieces of text. {sizes.text_ground}", "  ")
    lines += [f"  text: {{kind: sentencepiece, vocab_size: {sizes.vocab_size}}}"]
    if "image" in sizes.modalities:
        lines += ["  # Images of 128 x 128 pixels, as 16 x 16 = 256 tokens"]
        lines += ["  image: {kind: vq, size: 128, downsample: 8, codes: 1024, steps: 1500}"]
    if "audio" in sizes.modalities:
        lines += ["  # Sound at 16 kHz, as 4 x 50 = 200 tokens per second"]
        lines += ["  audio: {kind: rvq, sample_rate: 16000, levels: 4, codes: 1024, steps: 600}"]
    return lines


def _duplicates(sizes: Sizes) -> list[str]:
    lines = ["# Remove the # below to drop duplicates: exact ones, and near ones of texts", "# dedup:"]
    lines += ["#   text: {exact: true, near: {threshold: 0.8}}"]
    lines += [f"#   {name}: {{exact: true}}" for name in ("image", "audio") if name in sizes.modalities]
    return lines


def source_names(guesses: Sequence[Guess]) -> list[str]:
    """Name each source after its folder or file; a number makes equal names differ."""
    names: list[str] = []
    for guess in guesses:
        name = clean_name(posixpath.basename(posixpath.abspath(guess.label)))
        taken = sum(each == name or re.fullmatch(f"{re.escape(name)}-[0-9]+", each) is not None for each in names)
        names.append(f"{name}-{taken + 1}" if taken else name)
    return names


def clean_name(text: str) -> str:
    """Make a name of a source or dataset: letters, digits, `.`, `_` and `-`, beginning with a letter or digit."""
    plain = text.partition(".")[0] if text.partition(".")[2].isalpha() else text
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._") or "data"


def _value(value: Any) -> str:
    """Write a value on one line of YAML."""
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z0-9_./-]+", value) and yaml.safe_load(value) == value
        return value if plain else json.dumps(value, ensure_ascii=False)
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return str(text).removesuffix("\n").removesuffix("\n...")


def _comment(text: str, indent: str) -> list[str]:
    return [f"{indent}# {line}" for line in textwrap.wrap(text, WIDTH - len(indent))]
