"""Text of the demo: documentation strings of the running Python, and the topics of its `help()`."""

import ast
import gzip
import inspect
import json
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from pydoc_data.topics import topics

from ...schemas.errors import Refusal

FILES = 4
SHORTEST = 40  # characters; shorter strings are one-word reminders


def write_text(folder: Path, modules: Iterable[str] = sys.stdlib_module_names) -> int:
    """Write `folder/text-0.jsonl.gz`, … with fields `text` and `id` (module.name).

    The bytes depend only on the standard library. Returns the number of rows. Raises Refusal if Python was installed
    without its sources.
    """
    found: dict[str, str] = {}  # text to name, so that each text occurs once
    for name, text in docstrings(modules):
        found.setdefault(text, name)
    if not found:
        root = sysconfig.get_path("stdlib")
        raise Refusal(
            f"{root}: the sources of the standard library are missing. Use a Python that is installed with its sources."
        )
    for topic, text in sorted(topics.items()):
        found.setdefault(text.strip(), f"help.{topic}")
    rows = [json.dumps({"text": text, "id": name}, ensure_ascii=False) for text, name in found.items()]
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(FILES):
        content = "".join(f"{row}\n" for row in rows[part::FILES]).encode()
        with (folder / f"text-{part}.jsonl.gz").open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
            file.write(content)
    return len(rows)


def docstrings(modules: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names and texts of documentation strings of at least SHORTEST characters; sources are parsed, never run."""
    for module, source in _sources(modules):
        try:
            tree = ast.parse(source)
        except SyntaxError:  # lib2to3 keeps files in Python 2
            continue
        yield from ((name, text) for name, text in _of_tree(tree, module) if len(text) >= SHORTEST)


def _of_tree(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(node, ast.Module | named) and (text := ast.get_docstring(node, clean=False)):
        yield name, inspect.cleandoc(text).strip()
    for child in ast.iter_child_nodes(node):
        yield from _of_tree(child, f"{name}.{child.name}" if isinstance(child, named) else name)


def _sources(modules: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    root = Path(sysconfig.get_path("stdlib"))
    for module in sorted(modules):
        package = root / module
        for path in [root / f"{module}.py", *sorted(package.rglob("*.py"))]:
            parts = path.relative_to(root).with_suffix("").parts
            if path.is_file() and not {"test", "tests", "idle_test", "site-packages"} & set(parts):
                yield ".".join(part for part in parts if part != "__init__"), path.read_bytes()
