"""Tars and JSON lines whose bytes depend on their content alone: no clock, no user, no machine."""

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import webdataset

TAR_BYTES = 16 << 20
JSONL_BYTES = 20_000_000


def tar_shards(folder: Path, stem: str) -> webdataset.ShardWriter:
    """A writer of `STEM-0000.tar`, … of about TAR_BYTES each in a new folder; its `total` counts samples."""
    folder.mkdir(parents=True)
    pattern = str(folder).replace("%", "%%") + f"/{stem}-%04d.tar"
    fixed = {"mtime": 0, "user": "", "group": "", "mode": 0o644}
    return webdataset.ShardWriter(pattern, maxsize=TAR_BYTES, encoder=False, verbose=0, **fixed)


def sample(key: str, **members: bytes) -> dict[str, Any]:
    """A WebDataset sample; what follows a member's first dot is its extension, so dots in `key` become dashes."""
    return {"__key__": key.replace("/", "__").replace(".", "-"), **members}


def write_jsonl(rows: Iterable[Mapping[str, Any]], folder: Path, stem: str, file_bytes: int = JSONL_BYTES) -> int:
    """`STEM-000.jsonl.gz`, … of about `file_bytes` uncompressed each, in a new folder; returns the rows written."""
    folder.mkdir(parents=True)
    lines: list[bytes] = []
    size = files = count = 0
    for row in rows:
        lines.append(to_json(row) + b"\n")
        size, count = size + len(lines[-1]), count + 1
        if size >= file_bytes:
            _write_gz(folder / f"{stem}-{files:03d}.jsonl.gz", b"".join(lines))
            lines, size, files = [], 0, files + 1
    if lines:
        _write_gz(folder / f"{stem}-{files:03d}.jsonl.gz", b"".join(lines))
    return count


def _write_gz(path: Path, content: bytes) -> None:
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        file.write(content)


def to_json(value: Any) -> bytes:
    """JSON in UTF-8, one line."""
    return json.dumps(value, ensure_ascii=False).encode()
