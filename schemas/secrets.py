"""Takes secrets out of text: what is written to a file or shown names a URL by scheme, host and path alone.

A URL may hold a user and password, and its query may be a signature or a token. A library puts the URL that it could
not open into its message, whole or in parts, so two things are taken out: what every URL in a text holds beside scheme,
host and path, and the secrets of the URLs that this process was given, wherever they stand.
"""

import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote

HIDDEN = "***"
VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]{0,30}"  # bounded, so that a long word takes no quadratic time
_URL = re.compile(rf"({_SCHEME})://((?:(?!::{_SCHEME}::?|::[/~.])[^\s\"'<>`])*)")
_CLOSING = ".,;:!)]}…"
_AUTHORITY = re.compile(r"[^/?#]*")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]*\]|[^:@\[\]]*)(:\d*)?")
_WEB_QUERY = re.compile(r"[?#].*")
_QUERY = re.compile(r"\?[\w.%-]+=.*")  # in stores, `?` is a wildcard and `#` a letter of a name
_WEB = ("http", "https", "ftp", "ws", "wss", "webdav", "webhdfs")
_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{16,}|(?i:(?<=bearer )|(?<=authorization: ))[\w.~+/=-]{8,}")
# `abfs://container@account/…` and `github://owner:repository@branch/…` are names, not users
_CONTAINER = ("abfs", "abfss", "az", "wasb", "wasbs")
_REPOSITORY = ("git", "github")
_ARCHIVE = ("zip", "tar", "libarchive")  # `zip://*.jsonl::a.zip` names members and the archive

_known: set[str] = set()


def without_secrets(text: str) -> str:
    """Return a text in which every URL has only scheme, host and path, and no token of Hugging Face is left."""
    return _TOKEN.sub(HIDDEN, _URL.sub(_public, text) if "://" in text else text)


def shown(text: str) -> str:
    """Return a text as this process may show it: `without_secrets`, and without the secrets that it was given."""
    return hide(without_secrets(text), _known | _of_environment())


def hide(text: str, secrets: set[str]) -> str:
    """Replace each of the secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def public_tree(tree: Any) -> Any:
    """Return JSON in which no string has a secret."""
    if isinstance(tree, dict):
        return {name: HIDDEN if _is_secret(name, value) else public_tree(value) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [public_tree(each) for each in tree]
    return without_secrets(tree) if isinstance(tree, str) else tree


def _is_secret(name: Any, value: Any) -> bool:
    """True for an option such as `s3_secret_access_key: …`."""
    words = r"secret|passw|credential|access_key|api_?key|(auth|access|session|bearer|hf|api)_?token|^token$"
    return isinstance(name, str) and isinstance(value, str) and re.search(words, name, re.IGNORECASE) is not None


def remember(tree: Any) -> None:
    """Have `shown` take out the secrets of every URL in a string, or in the strings of JSON."""
    _known.update(secret for url in _strings(tree) for secret in secrets_of(url))


def _strings(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list | tuple):
        for name, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            if _is_secret(name, value) and len(value) >= 4:
                _known.add(value)
            yield from _strings(value)


def secrets_of(url: str) -> set[str]:
    """Return what a URL, or each URL of a chain, holds as password or as long value of its query."""
    found: set[str] = set()
    for scheme, rest in _URL.findall(url):
        location = _located(scheme, rest)
        taken = rest[: len(rest) - len(location)].rstrip("@")
        password = taken.partition(":")[2]
        query = (_WEB_QUERY if scheme.lower().endswith(_WEB) else _QUERY).search(location)
        values = [value for _, value in parse_qsl(query[0][1:].replace("#", "&"))] if query else []
        raw = re.split(r"[?&#;]", query[0]) if query else []
        values += [part.partition("=")[2] or part for part in raw]
        found |= {each for each in (password, unquote(password)) if len(each) >= 4}
        # a key such as `download=true` is no secret, and its value is a word
        found |= {each for each in values if len(each) >= 6 and not (each.isalpha() and len(each) < 10)}
    return found


def _public(match: re.Match[str]) -> str:
    scheme, rest = match[1], match[2].rstrip(_CLOSING)  # a sentence may end behind the URL
    location = (_WEB_QUERY if scheme.lower().endswith(_WEB) else _QUERY).sub("", _located(scheme, rest))
    return f"{scheme}://{location}{match[2][len(rest) :]}"


def _located(scheme: str, rest: str) -> str:
    """Return what follows user and password in the part of a URL after `://`."""
    authority = _AUTHORITY.match(rest)[0]  # type: ignore[index] # it matches anything
    if scheme.lower() in (*_REPOSITORY, *_ARCHIVE) or (
        scheme.lower() in _CONTAINER and ":" not in authority.partition("@")[0]
    ):
        return rest
    if "@" in authority:
        return rest[authority.rindex("@") + 1 :]
    if _HOST.fullmatch(authority):
        return rest
    # a password with a slash, or a URL that was cut in the middle of it
    return rest[rest.rindex("@") + 1 :] if "@" in rest else HIDDEN


def _of_environment() -> set[str]:
    return {value for name in VARIABLES if len(value := os.environ.get(name, "")) >= 8}
