"""The detail of a dropped row: the same in equal runs, on every machine.

Messages of libraries name what differs between runs: the address of an object in memory, the path of a file on this
machine. A detail is kept in the dataset, so both are left out.
"""

import re

from ..secrets import without_secrets

OBJECT = re.compile(r"\s?<[\w.]+(?: object)?(?: name=\S+)? at 0x[0-9A-Fa-f]+>")
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/~-])/(?:[^\s/'\"<>:]+/)+([^\s/'\"<>:]+)")


def error_detail(error: BaseException) -> str:
    """What an exception says, as a detail: no addresses of objects, no secrets of URLs, files by their names alone."""
    return ABSOLUTE_PATH.sub(r"\1", without_secrets(without_addresses(str(error))))


def without_addresses(text: str) -> str:
    """The text without representations of objects such as `<_io.BytesIO object at 0x7f…>`."""
    return OBJECT.sub("", text)
