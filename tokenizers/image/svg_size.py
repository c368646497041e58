"""Number of shapes that an SVG draws: `use` draws what it refers to once more, so a short file can draw billions."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, XMLPullParser

REFERENCE = re.compile(r"^\s*#(\S+)\s*$|url\(\s*[\"']?#([^\"')\s]+)")
MOST = 1 << 30  # beyond which nothing is counted


def drawn_shapes(data: bytes) -> int:
    """Count the elements that are drawn, those that are referred to once for each reference.

    Args:
        data: An SVG without entities.

    Returns:
        The number, at most MOST; 0 if the file is no XML, which the renderer says more about.
    """
    parser: Any = XMLPullParser(events=("end",))
    try:
        parser.feed(data)
        elements = [element for _, element in parser.read_events() if isinstance(element, Element)]
    except SyntaxError:
        return 0
    named = {name: element for element in elements if (name := element.get("id"))}
    sizes: dict[Element, int] = {}
    open_ones: set[Element] = set()
    stack = elements[-1:]
    while stack:
        element = stack[-1]
        parts = list(_parts(element, named))
        open_ones.add(element)
        missing = [part for part in parts if part not in sizes and part not in open_ones]
        if missing:
            stack += missing
            continue
        stack.pop()
        open_ones.discard(element)
        sizes[element] = min(MOST, 1 + sum(sizes.get(part, 0) for part in parts))
    return sizes.get(elements[-1], 0) if elements else 0


def _parts(element: Element, named: dict[str, Element]) -> Iterator[Element]:
    yield from element
    for value in element.attrib.values():
        for found in REFERENCE.finditer(value):
            target = named.get(found.group(1) or found.group(2))
            if target is not None:
                yield target
