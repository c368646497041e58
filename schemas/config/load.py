"""Load a run file: YAML text and `--set` overrides become a validated RunConfig or a readable error."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from ..errors import Refusal
from ..secrets import remember, shown
from .misread import misread
from .run import RunConfig
from .yaml_file import BadYaml, parse_yaml, read_file

M = TypeVar("M", bound=BaseModel)
PAGE = "docs/reference/run-file.md"


def load_run(
    path: str | Path,
    overrides: Sequence[str] = (),
    engine: dict[str, Any] | None = None,
    limit: int | None = None,
) -> RunConfig:
    """Read and validate a run file.

    Args:
        path: The YAML file.
        overrides: `key.path=value` strings from `--set`, applied in order.
        engine: Keys of an `engine:` block that replaces the one of the file. Without `kind`, they change the
            file's Beam engine or else select Dask.
        limit: `limit` of every source, in place of those of the file; evaluation sets stay whole.

    Raises:
        Refusal: The file cannot be read, or a key or value is invalid.
    """
    tree = read_yaml(path)
    for override in overrides:
        apply_override(tree, override)
    if engine:
        tree["engine"] = _override_engine(tree.get("engine"), engine)
    config = check(RunConfig, tree, str(path))
    if limit is None:
        return config
    sources = tuple(source.model_copy(update={"limit": limit}) for source in config.sources)
    return config.model_copy(update={"sources": sources})


def _override_engine(given: Any, engine: dict[str, Any]) -> dict[str, Any]:
    """Merge `engine` into the file's Beam engine when it names no `kind`, or into the default engine (Dask)."""
    beam = isinstance(given, dict) and given.get("kind") == "beam" and "kind" not in engine
    return (given if beam else {"kind": "dask"}) | engine


def read_yaml(path: str | Path, page: str = PAGE) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        Refusal: The file does not exist, is not valid YAML or holds no mapping; the message refers to `page`.
    """
    try:
        tree = parse_yaml(read_file(path).decode())
    except FileNotFoundError:
        raise Refusal(f"{path}: no such file. Give the path of a YAML file.") from None
    except (ValueError, OSError) as error:
        raise Refusal(f"{path}: cannot be read as YAML ({' '.join(str(error).split())}). Fix the file.") from None
    if not isinstance(tree, dict):
        raise Refusal(f"{path}: holds {type(tree).__name__}, not a mapping of keys. See {page}.")
    return tree


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Set one value in a tree of mappings and lists, in place.

    Args:
        tree: The parsed YAML file.
        override: `a.b.0.c=value`. The value is parsed as YAML. A list item is selected by its index or its `name`.

    Raises:
        Refusal: The override is malformed or names a list item that does not exist.
    """
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise Refusal(f"--set {override}: expected key.path=value, such as --set tokenizers.image.steps=20.")
    *parents, last = path.split(".")
    node: Any = tree
    for part in parents:
        node = node.setdefault(part, {}) if isinstance(node, dict) else node[_position(node, part, override)]
    try:
        node[last if isinstance(node, dict) else _position(node, last, override)] = parse_yaml(text)
    except BadYaml as error:
        raise Refusal(f"--set {override}: {_short(text)} is not YAML ({error}). Quote it for the shell.") from None


def _position(node: Any, part: str, override: str) -> int:
    if not isinstance(node, list):
        raise Refusal(f"--set {override}: `{part}` lies below {_short(node)}, which has no keys. Check the key path.")
    names = [item.get("name") if isinstance(item, dict) else None for item in node]
    if part in names:
        return names.index(part)
    if not part.isdigit() or int(part) >= len(node):
        named = ", ".join(str(name) for name in names if name) or "no item has a name"
        raise Refusal(
            f"--set {override}: `{part}` is none of the list's {len(node)} items ({named}). Correct the key path."
        )
    return int(part)


def check(model: type[M], tree: Any, where: str, page: str = PAGE) -> M:
    """Validate `tree` as a `model`.

    Args:
        model: The pydantic model.
        tree: The parsed YAML file.
        where: Name of the file, for the error message.
        page: Page of the documentation to which the error message refers.

    Raises:
        Refusal: The message names the first wrong key, its value and the fix or the page.
    """
    remember(tree)
    try:
        made = model.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise Refusal(f"{where}: {_explain(model, dict(first), page)}") from None
    for key, value, what in misread(tree, made):
        raise Refusal(f"{where}: `{key}` is {_short(value)}: {what}. Change the value; {page} lists what is allowed.")
    return made


def _explain(model: type[BaseModel], error: dict[str, Any], page: str) -> str:
    # pydantic puts the tag of a discriminated union into the path, but it is not a key of the user's file
    tags = _tags(TypeAdapter(model).json_schema())
    path = [str(part) for i, part in enumerate(error["loc"]) if not (part in tags and i)]
    key = ".".join(path) or "the file"
    kind, value, message = error["type"], error["input"], error["msg"]
    if kind == "extra_forbidden":
        others = _all_keys(model) - {path[-1]}  # it may be a key of another block
        near = difflib.get_close_matches(path[-1], sorted(others), 1)
        return f"unknown key `{key}` (value {_short(value)}). " + (
            f"Did you mean `{near[0]}`?" if near else "Remove it."
        )
    if kind == "missing":
        return f"`{key}` is missing. Add it; {page} shows every key."
    if kind == "union_tag_not_found":
        tag = error["ctx"]["discriminator"].strip("'")
        return f"`{key}` has no `{tag}`. Add `{tag}:`; {page} lists the choices."
    if kind == "union_tag_invalid":
        tag = error["ctx"]["discriminator"].strip("'")
        return f"`{key}.{tag}` is {_short(error['ctx']['tag'])}; it must be one of {error['ctx']['expected_tags']}."
    if kind == "value_error":
        what = "filter" if path[:1] == ["filters"] else "source"
        name = f" ({what} `{value['name']}`)" if isinstance(value, dict) and "name" in value else ""
        return f"`{key}`{name}: {message.removeprefix('Value error, ')}."
    return f"`{key}` is {_short(value)}: {message}. Change the value; {page} lists what is allowed."


def _short(value: Any) -> str:
    text = shown(repr(value))
    return text if len(text) <= 80 else text[:77] + "…"


def _tags(schema: Any) -> set[str]:
    """Collect the values of `kind:` and `name:` that discriminate between models in a JSON Schema."""
    if isinstance(schema, list):
        return set().union(*map(_tags, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("discriminator", {}).get("mapping", {})).union(*map(_tags, schema.values()))


def _all_keys(model: type[BaseModel]) -> set[str]:
    schema = TypeAdapter(model).json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return {key for part in parts for key in part.get("properties", {})}
