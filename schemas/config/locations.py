"""Where a run's inputs lie: what a published dataset keeps of it, and what stays in `run.json`.

A dataset that is handed on says nothing of the machine that made it. Its manifest holds names that mean the same
everywhere: names on a hub, and names below the dataset itself. `run.json`, which is not published, keeps the places,
so that the original rows can be read again; what is secret in a URL is in neither.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

from ..secrets import public_tree, without_secrets
from .run import RunConfig

HUB_NAME = re.compile(r"^[\w.-]+(/[\w.-]+)?$")
NAMED = ("datasets", None)  # kinds of sources that a hub may have by name; filters and CLIP have no kind


def public_url(url: str) -> str:
    """A path or URL without user, password, query and fragment; chained URLs (`zip://…::https://…`) part by part."""
    return without_secrets(url)


def published_config(config: RunConfig, tokenizers: dict[str, str]) -> dict[str, Any]:
    """The run file as a manifest has it: without `out` and `engine`, and without the place of any input.

    Args:
        config: The run.
        tokenizers: By modality, where the dataset holds the files of a tokenizer, such as `tokenizers/image`. One
            that is missing here is on a hub, and its name stays.
    """
    tree = config.model_dump(mode="json", exclude={"out", "engine"})
    for name, folder in tokenizers.items():
        if tree["tokenizers"][name].get("path") is not None:
            tree["tokenizers"][name]["path"] = folder
    for block in (*tree["sources"], *tree["decontaminate"], *_weights(tree)):
        if block.get("path") is not None and not (block.get("kind") in NAMED and _is_hub_name(block["path"])):
            block["path"] = None
    for source in (*tree["sources"], *tree["decontaminate"]):
        if _names_a_place(source.get("data_files")):
            source["data_files"] = None
    public: dict[str, Any] = public_tree(tree)
    return public


def located_config(config: RunConfig) -> dict[str, Any]:
    """The run file as `run.json` has it: with the places of all inputs, local ones from the root, but no secret."""
    tree = config.model_dump(mode="json")
    tree["out"] = public_url(config.out)
    for block in (*tree["sources"], *tree["decontaminate"], *tree["tokenizers"].values(), *_weights(tree)):
        path = block.get("path")
        if path is not None:
            block["path"] = path if _is_hub_name(path) else _located(path)
    public: dict[str, Any] = public_tree(tree)
    return public


def _weights(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The blocks beside sources and tokenizers that may name files: filters, and near duplicates by CLIP."""
    yield from tree["filters"]
    yield (tree["dedup"]["image"] or {}).get("semantic") or {}


def _names_a_place(files: str | list[str] | None) -> bool:
    """Whether `data_files` are files of this machine or of a store, and not names below a dataset on a hub."""
    names = [files] if isinstance(files, str) else files or []
    return any("://" in name or name.startswith(("/", "~")) for name in names)


def _located(path: str) -> str:
    return public_url(path) if "://" in path else os.path.abspath(os.path.expanduser(path))


def _is_hub_name(path: str) -> bool:
    """Whether a path is a name on a hub, `owner/name` or `name`, and nothing on this machine."""
    return bool(HUB_NAME.match(path)) and not os.path.exists(path)
