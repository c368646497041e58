"""Explain a path that should be a dataset and is not: what it is, and which path was probably meant."""

from collections.abc import Iterator
from typing import Any

from fsspec import AbstractFileSystem

from ..config.yaml_file import MOST_BYTES, BadYaml, parse_yaml
from ..errors import Refusal
from ..identity import parse_json
from ..storage.store import WORK
from .manifest import MANIFEST

STAGED = "_takedown"  # a takedown prepares its changes in this folder
GIVE = f"Give the folder that contains {MANIFEST}."
ABOVE = 4  # a file of a tokenizer, <dataset>/tokenizers/image/config.json, is the deepest in a dataset


def not_a_dataset(fs: AbstractFileSystem, root: str, url: str) -> Refusal:
    """Error for a path without a manifest.

    Args:
        fs: File system of the path.
        root: The path in `fs`.
        url: The path as the user gave it.

    Returns:
        A Refusal that names what is at the path and what to do.
    """
    if not fs.exists(root):
        return Refusal(f"{url}: no such file or folder. Give the folder of a dataset, which contains {MANIFEST}.")
    what, fix = _folder(fs, root, url) if fs.isdir(root) else _file(fs, root, url)
    return Refusal(f"{url}: this is {what}, not a finished dataset (no {MANIFEST}). {fix}")


def _folder(fs: AbstractFileSystem, root: str, url: str) -> tuple[str, str]:
    names = {path.rstrip("/").rpartition("/")[2] for path in fs.ls(root, detail=False)}
    if dataset := _dataset_above(fs, root, url):
        return "a folder of a dataset", f"Give the folder of the dataset: {dataset}."
    if fs.exists(f"{root}/{STAGED}/{MANIFEST}"):
        return (
            "a dataset with an interrupted takedown",
            "Run the same `triptych takedown` command again to complete it.",
        )
    if {"metrics.jsonl", "checkpoints"} & names:
        return "the folder of a training run", _datasets_of_run(fs, f"{root}/run.json")
    if {WORK, "shards"} & names:
        return "an unfinished preparation", "Run `triptych prepare` with its run file again to complete it."
    if {"config.json", "model.safetensors"} <= names:
        return "the folder of a model", GIVE
    below = sorted(name for name in names if fs.exists(f"{root}/{name}/{MANIFEST}"))
    if below:
        return "a folder that contains datasets", f"Give one of them: {', '.join(f'{url}/{name}' for name in below)}."
    return ("a folder with other files", GIVE) if names else ("an empty folder", GIVE)


def _file(fs: AbstractFileSystem, root: str, url: str) -> tuple[str, str]:
    if dataset := _dataset_above(fs, root, url):
        kind = "a shard" if root.endswith(".arrow") else "a file"
        return f"{kind} of a dataset", f"Give the folder of the dataset: {dataset}."
    if root.endswith((".yaml", ".yml")):
        return _yaml_file(fs, root, url)
    return "a file", GIVE


def _yaml_file(fs: AbstractFileSystem, root: str, url: str) -> tuple[str, str]:
    try:
        tree = parse_yaml(fs.cat_file(root, start=0, end=MOST_BYTES))
    except BadYaml:
        tree = None
    keys: dict[str, Any] = tree if isinstance(tree, dict) else {}
    if "sources" in keys:
        return "a run file", f"Run `triptych prepare {url}`, then give the folder of its `out`: {keys.get('out')}."
    if "data" in keys or "datasets" in keys:
        kind = "a train file" if "data" in keys else "a mix file"
        return kind, f"Give one of the datasets that it names: {', '.join(_entries(keys.get('data', keys)))}."
    return "a YAML file", GIVE


def _entries(mix: Any) -> Iterator[str]:
    """Paths of the datasets of a mix, each once, as far as it is well-formed."""
    entries = mix.get("datasets") if isinstance(mix, dict) else None
    paths = [str(entry["path"]) for entry in entries or () if isinstance(entry, dict) and "path" in entry]
    yield from dict.fromkeys(paths)


def _datasets_of_run(fs: AbstractFileSystem, record: str) -> str:
    try:
        paths = list(_entries(parse_json(fs.cat_file(record))["config"]["data"]))
    except (OSError, ValueError, KeyError, TypeError):
        paths = []
    return f"Give one of the datasets that it was trained on: {', '.join(paths)}." if paths else GIVE


def _dataset_above(fs: AbstractFileSystem, root: str, url: str) -> str | None:
    """The dataset that contains the path: as a URL like the given one, or as an absolute path if that is too short."""
    for levels in range(1, ABOVE + 1):
        root = root.rpartition("/")[0]
        if root and fs.exists(f"{root}/{MANIFEST}"):
            parts = url.rstrip("/").rsplit("/", levels)
            return parts[0] if len(parts) > levels else "." if len(parts) == levels else root
    return None
