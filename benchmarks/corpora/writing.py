"""Tars, JSON lines and reports whose bytes depend on their content alone: no clock, no user, no machine."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TAR_BYTES = 16 << 20
JSONL_BYTES = 20_000_000


class TarShards:
    """WebDataset tars `STEM-0000.tar`, `STEM-0001.tar`, … of at most about `tar_bytes` in a new folder."""

    def __init__(self, folder: Path, stem: str, tar_bytes: int = TAR_BYTES) -> None:
        folder.mkdir(parents=True)
        self.folder, self.stem, self.tar_bytes = folder, stem, tar_bytes
        self.shards = self.samples = self.written = 0
        self.tar: tarfile.TarFile | None = None

    def add(self, key: str, members: Mapping[str, bytes]) -> None:
        """One sample: a member `KEY.EXTENSION` for each entry; dots and slashes in `key` are replaced."""
        size = sum(len(content) for content in members.values())
        if self.tar is None or self.written + size > self.tar_bytes:
            self._next()
        assert self.tar is not None
        # WebDataset takes what follows a member's first dot for its extension
        base = key.replace("/", "__").replace(".", "-")
        for extension, content in sorted(members.items()):
            entry = tarfile.TarInfo(f"{base}.{extension}")
            entry.size, entry.mode = len(content), 0o644
            self.tar.addfile(entry, io.BytesIO(content))
        self.written += size
        self.samples += 1

    def _next(self) -> None:
        self.close()
        path = self.folder / f"{self.stem}-{self.shards:04d}.tar"
        self.tar = tarfile.open(path, "w", format=tarfile.GNU_FORMAT)  # noqa: SIM115 (closed by `close`)
        self.shards, self.written = self.shards + 1, 0

    def close(self) -> None:
        """Finish the tar in work."""
        if self.tar is not None:
            self.tar.close()
            self.tar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


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
