"""Fingerprints: content hashes that identify configs, files and datasets.

A fingerprint is the xxh3-128 of canonical JSON, so it depends on values only: not on dict order, machine, process or
time. Files are fingerprinted by their bytes.
"""

import json
from collections.abc import Iterable
from typing import IO, Any

import fsspec
import xxhash

BLOCK = 1 << 20


def parse_json(data: str | bytes) -> Any:
    """Parse JSON that someone else may have written.

    Raises:
        ValueError: It is no JSON, or nested so deeply that the parser gives up.
    """
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def canonical_json(value: Any) -> bytes:
    """Serialise `value` in a unique way: sorted keys, no spaces, UTF-8; raises ValueError on NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def fingerprint(*values: Any) -> str:
    """Return the xxh3-128 of the canonical JSON of `values`, as 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(canonical_json(values))


class Prefix:
    """Fingerprints of values that begin alike, which are serialised once."""

    def __init__(self, *values: Any) -> None:
        self._state = xxhash.xxh3_128(canonical_json(values)[:-1])

    def fingerprint(self, *values: Any) -> str:
        """Return the fingerprint of the first values and these, of which there is at least one."""
        state = self._state.copy()
        state.update(b"," + canonical_json(values)[1:])
        return state.hexdigest()


def sealed_json(body: dict[str, Any]) -> bytes:
    """Serialise `body` as indented JSON with a `seal`, its fingerprint, so that a changed byte is detected."""
    return json.dumps(body | {"seal": fingerprint(body)}, sort_keys=True, indent=1, ensure_ascii=False).encode()


def unseal(data: bytes) -> dict[str, Any]:
    """Parse what `sealed_json` wrote.

    Raises:
        ValueError: The data differ from what `sealed_json` writes.
    """
    body = parse_json(data)
    if not isinstance(body, dict) or "seal" not in body:
        raise ValueError("it has no seal")
    del body["seal"]
    if sealed_json(body) != data:
        raise ValueError("its seal does not match: it was changed after it was written")
    return body


def bytes_fingerprint(blocks: Iterable[bytes | memoryview]) -> str:
    """Return the xxh3-128 of concatenated blocks, as 32 hexadecimal digits."""
    state = xxhash.xxh3_128()
    for block in blocks:
        state.update(block)
    return state.hexdigest()


def stream_fingerprint(stream: IO[bytes]) -> str:
    """Return the xxh3-128 of an open binary stream, which is read to its end in blocks."""
    return bytes_fingerprint(iter(lambda: stream.read(BLOCK), b""))


def file_fingerprint(url: str) -> str:
    """Return the xxh3-128 of the bytes of a file, given by an fsspec URL."""
    with fsspec.open(url, "rb") as stream:
        return stream_fingerprint(stream)
