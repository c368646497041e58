"""Fingerprints: what makes two things the same to every part of Triptych.

A fingerprint is the xxh3-128 of canonical JSON, so it depends on values alone: not on dict order, machine,
process or time. Files are fingerprinted by their bytes.
"""

import json
from collections.abc import Iterable
from typing import IO, Any

import fsspec
import xxhash

BLOCK = 1 << 20


def canonical_json(value: Any) -> bytes:
    """The one JSON spelling of `value`: sorted keys, no spaces, UTF-8; raises ValueError on NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def fingerprint(*values: Any) -> str:
    """xxh3-128 of the canonical JSON of `values`, 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(canonical_json(values))


def sealed_json(body: dict[str, Any]) -> bytes:
    """JSON for people and machines that holds a fingerprint of itself, so that one changed byte shows."""
    return json.dumps(body | {"seal": fingerprint(body)}, sort_keys=True, indent=1, ensure_ascii=False).encode()


def unseal(data: bytes) -> dict[str, Any]:
    """The body of `sealed_json`; ValueError unless `data` is just what it wrote."""
    body = json.loads(data)
    if not isinstance(body, dict) or "seal" not in body:
        raise ValueError("it has no seal")
    del body["seal"]
    if sealed_json(body) != data:
        raise ValueError("its seal does not match: it was changed after it was written")
    return body


def bytes_fingerprint(blocks: Iterable[bytes]) -> str:
    """xxh3-128 of concatenated blocks, 32 hexadecimal digits."""
    state = xxhash.xxh3_128()
    for block in blocks:
        state.update(block)
    return state.hexdigest()


def stream_fingerprint(stream: IO[bytes]) -> str:
    """xxh3-128 of an open binary stream, read to its end in blocks."""
    return bytes_fingerprint(iter(lambda: stream.read(BLOCK), b""))


def file_fingerprint(url: str) -> str:
    """xxh3-128 of a file's bytes, by fsspec URL."""
    with fsspec.open(url, "rb") as stream:
        return stream_fingerprint(stream)
