"""The filter of personal data: e-mail addresses, phone numbers and public IP addresses, by regular expressions.

Matches are counted but never quoted, since the list of dropped rows is part of the dataset.
"""

from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.filters.text import Pii
from ...schemas.config.run import Limits
from .text import RowsToDrop

# A user name, an at sign, a domain that ends with a top-level domain of letters.
EMAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"

# E.164: a plus and 8 to 15 digits, with at most two of space, point, hyphen and parenthesis between digits.
_INTERNATIONAL = r"\+\d(?:[ ().-]{0,2}\d){7,14}"
# North America: (555) 555-0100, 555-555-0100, 555.555.0100, each optionally after 1.
_AMERICAN = r"(?:1[ .-])?(?:\(\d{3}\) ?\d{3}-\d{4}|\d{3}-\d{3}-\d{4}|\d{3}\.\d{3}\.\d{4})"
# No digits, letters or further parts of a number around it. RE2 has no lookaround, so these characters are matched.
PHONE = rf"(?:^|[^\w+./-])(?:{_INTERNATIONAL}|{_AMERICAN})(?:$|[^\w-])"

_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_PRIVATE = (  # RFC 1122, 1918, 3927, and addresses that are not hosts
    rf"(?:0|10|127|255)\.{_BYTE}|169\.254|172\.(?:1[6-9]|2\d|3[01])|192\.168"
)
_ALONE = r"(?:^|[^\w.])(?:{})(?:$|[^\w.]|\.(?:$|\W))"
IPV4 = _ALONE.format(rf"{_BYTE}(?:\.{_BYTE}){{3}}")
PRIVATE_IPV4 = _ALONE.format(rf"(?:{_PRIVATE})\.{_BYTE}\.{_BYTE}")


def pii(config: Pii, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by the number of matches; the detail has the number of each type."""

    def count(pattern: str) -> pa.ChunkedArray:
        return pc.count_substring_regex(table["text"], pattern)

    found = {
        "e-mail addresses": count(EMAIL),
        "phone numbers": count(PHONE),
        "IP addresses": pc.subtract(count(IPV4), count(PRIVATE_IPV4)),
    }
    total = reduce(pc.add, found.values()).to_numpy()
    for row in np.flatnonzero(total > config.max).tolist():
        yield row, ", ".join(f"{count[row].as_py()} {what}" for what, count in found.items() if count[row].as_py())
