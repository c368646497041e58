"""The list of a dataset's shards as an Arrow table, and the other facts of its manifest without that list.

The manifest of 10⁹ rows lists some 224,000 shards, which takes seconds to parse and hundreds of megabytes as Python
objects. So the list is kept as a memory-mapped Arrow file in a cache, under a name that changes with the manifest.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
import pyarrow as pa

from ....schemas.dataset.manifest import MANIFEST, Manifest, parse_manifest
from ....schemas.identity import canonical_json
from ....schemas.storage.store import Store

CACHE = "~/.cache/triptych/browse"
VERSION = 1
APART = 8 << 20  # bytes of a manifest from which on another process parses it, so that its memory is given back
SHARDS = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("group", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),  # rows of this shard and of all before it
    ]
)


class Listed(NamedTuple):
    """A manifest without its shards, and their list with the columns of SHARDS."""

    manifest: Manifest
    shards: pa.Table


def shard_table(manifest: Manifest) -> pa.Table:
    """Build the list of shards from a manifest."""
    rows = [entry.rows for entry in manifest.shards]
    ends = [0] * len(rows)
    total = 0
    for at, count in enumerate(rows):
        total += count
        ends[at] = total
    columns: list[Any] = [
        [entry.file for entry in manifest.shards],
        pa.array([entry.group for entry in manifest.shards], pa.string()).dictionary_encode(),
        rows,
        [entry.bytes for entry in manifest.shards],
        ends,
    ]
    return pa.table(dict(zip(SHARDS.names, columns, strict=True)), schema=SHARDS)


def listed(url: str, fs: fsspec.AbstractFileSystem, root: str, cache: str | None = None) -> Listed:
    """Read the facts and the shard list of a dataset, from the cache where it has this very manifest.

    Args:
        url: URL of the dataset.
        fs: Its file system.
        root: Its folder there.
        cache: Folder of the cache; default `CACHE`.

    Raises:
        FileNotFoundError: There is no manifest.
        Refusal: It is damaged.
    """
    path = f"{root}/{MANIFEST}"
    info = fs.info(path)
    folder = Path(cache or CACHE).expanduser() / _key(url, fs, path, info)
    if not (folder / "manifest.json").exists():
        if int(info["size"]) > APART:
            command = [sys.executable, "-c", _APART.format(module=__name__), url, str(folder)]
            subprocess.run(command, check=True)  # noqa: S603 this very interpreter
        else:
            read = parse_manifest(fs.cat_file(path), f"{url}/{MANIFEST}")
            if not _stored(read, folder):
                return Listed(_without_shards(read), shard_table(read))
    body = json.loads((folder / "manifest.json").read_bytes())
    with pa.memory_map(str(folder / "shards.arrow")) as source:
        return Listed(Manifest.model_validate_json(canonical_json(body)), pa.ipc.open_file(source).read_all())


_APART = "import sys; from {module} import store_apart; store_apart(*sys.argv[1:])"


def store_apart(url: str, folder: str) -> None:
    """Fill the cache of a dataset; what a process of its own does for a large manifest."""
    store = Store(url)
    _stored(parse_manifest(store.read(MANIFEST), f"{url}/{MANIFEST}"), Path(folder))


def _stored(manifest: Manifest, folder: Path) -> bool:
    """Write the cache; False where there is no room for it, which only costs time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"shards.{os.getpid()}.new"
        table = shard_table(manifest)
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        temporary.replace(folder / "shards.arrow")
        facts = folder / f"manifest.{os.getpid()}.new"
        facts.write_bytes(canonical_json(_without_shards(manifest).model_dump(mode="json")))
        facts.replace(folder / "manifest.json")
    except OSError:
        return False
    return True


def _without_shards(manifest: Manifest) -> Manifest:
    return manifest.model_copy(update={"shards": ()})


def _key(url: str, fs: fsspec.AbstractFileSystem, path: str, info: dict[str, Any]) -> str:
    marks = [
        info.get(name) for name in ("size", "mtime", "ino", "ETag", "etag", "LastModified", "version_id", "md5Hash")
    ]
    parts = json.dumps([VERSION, url, type(fs).__name__, path, *map(str, marks)])
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()
