"""Says what to do about a glob that finds nothing, or something that is no file."""

import os
import re

from .local_glob import MAGIC, BadPath, Found, local_glob

LINK = "Remove the link, point it to the file, or exclude it from the path."
STREAM = "Write its data to a file: sources are read more than once."
ADVICE = {
    Found.DANGLING: LINK,
    Found.LOOP: LINK,
    Found.PIPE: STREAM,
    Found.SOCKET: STREAM,
    Found.DEVICE: STREAM,
}


def advice(root: str, local: bool) -> str:
    """Say why a path that has no match may have none.

    Args:
        root: The path, possibly with wildcards.
        local: True if it is on a local disk, where it is tried what would match.
    """
    hints = []
    if re.search(r"\{[^/]*\}", root):
        hints.append(
            "Braces are not expanded: use wildcards such as `*`, `?` and `[ab]`, or one source for each choice."
        )
    if "[" in root:
        name = _escaped(root) if local else None
        example = f": here, {name}" if name else ""
        hints.append(
            f"Brackets hold characters of which one must match; a bracket in a name is written `[[]`{example}."
        )
    if local and MAGIC.search(root):
        hints += _nearly(root)
    return " ".join(hints) or "Check the path and its wildcards."


def _escaped(root: str) -> str | None:
    """The path with those brackets escaped that are in the names of folders or files."""
    parts = root.split("/")
    for at, part in enumerate(parts):
        if "[" in part and os.path.lexists("/".join(_plain(each) for each in parts[:at]) + "/" + part):
            parts[at] = part.replace("[", "[[]")
    escaped = "/".join(parts)
    return escaped if escaped != root else None


def _plain(part: str) -> str:
    return part.replace("[[]", "[")


def _nearly(root: str) -> list[str]:
    hints = []
    if any(found is Found.FOLDER for _, found in _tried(root)):
        hints.append(f"It matches folders only; the files in them are {root}/*.")
    if example := next((path for path, found in _tried(root, re.IGNORECASE) if found is Found.FILE), None):
        hints.append(f"Upper and lower case differ: there is {example}.")
    dotted = re.sub(r"(?<=/)(?=[*?\[][^/]*$)", ".", root)
    if example := next((path for path, found in _tried(dotted) if found is Found.FILE), None):
        hints.append(f"A name that begins with a dot, such as {example}, is matched only by a dot.")
    return hints


def _tried(pattern: str, flags: int = 0) -> list[tuple[str, Found]]:
    try:
        return list(local_glob(pattern, lambda _: False, flags))
    except (OSError, BadPath):
        return []
