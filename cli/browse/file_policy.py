"""The Content-Security-Policy of a page that is one file, and opens from a disk."""

import base64
import hashlib
from collections.abc import Iterable


def file_policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """The policy of a page that is one file: only these very scripts and styles, and only data of its own."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hashes(scripts)}",
            f"style-src {_hashes(styles)}",
            "img-src data:",
            "media-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hashes(texts: Iterable[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
