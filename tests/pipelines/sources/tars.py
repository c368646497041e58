"""Tars and sources of them, for the tests of the reader of WebDataset tars."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .conftest import Read


def config(path: Path | str, **more: Any) -> dict[str, Any]:
    spec = {"kind": "webdataset", "path": str(path), "modality": "image-text", "image": "jpg;png", "text": "txt"}
    spec |= more
    return {key: value for key, value in spec.items() if value is not None}


def tar_bytes(members: Sequence[tuple[str, bytes]], **options: Any) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **options) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def pairs(count: int, size: int = 700) -> list[tuple[str, bytes]]:
    return [
        m for n in range(count) for m in ((f"{n:05d}.jpg", bytes([n % 251]) * size), (f"{n:05d}.txt", b"no. %d" % n))
    ]


def outcome(got: Read) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    return got.rows, [(drop.row, drop.reason) for drop in got.drops]


def named(names: Sequence[str]) -> list[tuple[str, bytes]]:
    """Members with their own names as content."""
    return [(name, name.encode()) for name in names]
