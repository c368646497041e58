"""Parse YAML that a person wrote, or someone else: what cannot be meant is refused with its line.

Beyond YAML's own rules: a key stands once in a mapping, numbers are finite and fit into 64 bits, dates stay text, and
aliases may not multiply a file beyond MOST_VALUES. A number such as `1e-3`, which YAML 1.1 reads as text, is `Bare`
text, since it is also a name that can be meant.
"""

import math
import re
from collections.abc import Hashable
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from ..errors import brief

MOST_BYTES = 4 << 20
MOST_NODES = 40_000  # keys, values and aliases of a file; PyYAML takes a second for them
MOST_VALUES = 100_000  # of the whole tree, aliases written out
LONGEST_TEXT = 4096  # characters of a key or value; Linux takes no longer path
DEEPEST = 100  # mappings and lists within one another


_EXPONENT = re.compile(r"[-+]?(\d[\d_]*\.?\d*|\.\d+)[eE][-+]?\d+")


class Bare(str):
    """Text without quotes that YAML 1.2 reads as a number, and YAML 1.1 does not: `1e-3`."""

    __slots__ = ()


class BadYaml(ValueError):
    """Text that is not YAML, or not what a config can hold; the message says why, with the line where known."""


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses duplicate keys, numbers that no key can take, and files that are too much work."""

    def __init__(self, text: str | bytes) -> None:
        super().__init__(text)
        self._nodes = self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node; raises BadYaml if it is too deep in the file, or one too many."""
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise BadYaml(f"it has more than {MOST_NODES:,} keys and values")
        if self._depth > DEEPEST:
            raise BadYaml("it is nested too deeply")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping; raises BadYaml if a key stands in it twice."""
        seen: set[Any] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            name = getattr(key, "value", None)
            if isinstance(name, str) and name != "<<" and name in seen:
                raise BadYaml(f"the key `{name[:80]}` stands twice in one mapping, again in {_line(key)}")
            if isinstance(name, str):
                seen.add(name)
        return super().construct_mapping(node, deep)

    def integer(self, node: Any) -> int:
        """Build an integer of at most 64 bits."""
        digits = len(node.value)
        if digits > 100:
            raise BadYaml(f"a number of {digits:,} digits in {_line(node)}")
        value: int = self.construct_yaml_int(node)
        if not -(1 << 63) <= value < 1 << 63:
            raise BadYaml(f"{value} in {_line(node)} does not fit into 64 bits")
        return value

    def floating(self, node: Any) -> float:
        """Build a finite float."""
        value: float = self.construct_yaml_float(node)
        if not math.isfinite(value):
            raise BadYaml(f"{node.value[:80]} in {_line(node)} is not a finite number")
        return value

    def string(self, node: Any) -> str:
        """Build a string without NUL, which no path or name can hold."""
        if "\0" in node.value:
            raise BadYaml(f"a NUL character in {_line(node)}")
        if len(node.value) > LONGEST_TEXT:
            raise BadYaml(f"a text of {len(node.value):,} characters in {_line(node)}")
        value: str = self.construct_yaml_str(node)
        return Bare(value) if node.style is None and len(value) < 100 and _EXPONENT.fullmatch(value) else value


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.floating)
_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.string)


def parse_yaml(text: str | bytes) -> Any:
    """Parse one YAML document.

    Raises:
        BadYaml: It is not YAML, or holds what no config can hold.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, 0, {}, set())  # before values are built: merge keys copy what aliases name
        return loader.construct_document(node)
    except BadYaml:
        raise
    except RecursionError:
        raise BadYaml("it is nested too deeply") from None
    except yaml.MarkedYAMLError as error:  # without the lines around the mark, which may hold a secret
        at = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BadYaml(brief(f"{error.context or ''} {error.problem or 'not YAML'}{at}")) from None
    except (yaml.YAMLError, ValueError, OverflowError, TypeError, AttributeError, LookupError) as error:
        raise BadYaml(brief(error)) from None


def read_file(path: str | Path) -> bytes:
    """Read a config file of at most MOST_BYTES.

    Raises:
        FileNotFoundError: There is none.
        BadYaml: It is no regular file, or too large.
        OSError: It cannot be read.
    """
    try:
        file = Path(path).expanduser()
        if file.exists() and not file.is_file():
            raise BadYaml("it is not a file")
        with file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except (ValueError, RuntimeError) as error:  # a NUL in the path, a home that is not known
        raise BadYaml(str(error)) from None
    if len(data) > MOST_BYTES:
        raise BadYaml(f"it is larger than {MOST_BYTES >> 20} MiB")
    return data


def _count(node: yaml.Node, depth: int, sizes: dict[int, int], above: set[int]) -> int:
    """Number of values below a node, with aliases written out; each node is counted once."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) in above:
        raise BadYaml("an alias stands within what it names")
    if depth > DEEPEST:
        raise BadYaml("it is nested too deeply")
    if id(node) not in sizes:
        above.add(id(node))
        parts = chain.from_iterable(node.value) if isinstance(node, yaml.MappingNode) else node.value
        sizes[id(node)] = 1 + sum(_count(part, depth + 1, sizes, above) for part in parts)
        above.discard(id(node))
    if sizes[id(node)] > MOST_VALUES:
        raise BadYaml(f"it has more than {MOST_VALUES:,} values when aliases are written out")
    return sizes[id(node)]


def _line(node: Any) -> str:
    return f"line {node.start_mark.line + 1}"
