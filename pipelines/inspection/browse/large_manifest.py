"""Opens large manifests of earlier versions at once, from a cache.

Those versions listed all shards in the manifest itself, and 224,000 shards (10⁹ rows) take seconds to parse and
hundreds of megabytes of memory. So such a manifest is parsed once, in a process of its own, and kept as today's
versions write it: the list of shards as Parquet, under a name that changes with the manifest.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa

from ....schemas.dataset.file_entry import ListEntry
from ....schemas.dataset.manifest import MANIFEST, Manifest
from ....schemas.dataset.reader import Dataset
from ....schemas.dataset.shard_list import ShardList
from ....schemas.dataset.shard_list_file import SHARD_LIST, list_bytes, list_entry, read_list
from ....schemas.identity import canonical_json

CACHE = "~/.cache/triptych/browse"
VERSION = 2
LARGE = 8 << 20  # bytes of a manifest


def large_manifest(url: str, fs: fsspec.AbstractFileSystem, root: str, cache: str | None = None) -> Manifest | None:
    """Read a manifest from the cache, which gets it at first use; None where there is no room or it is damaged.

    Args:
        url: URL of the dataset.
        fs: Its file system.
        root: Its folder there.
        cache: Folder of the cache; default `CACHE`.

    Raises:
        FileNotFoundError: There is no manifest.
    """
    path = f"{root}/{MANIFEST}"
    folder = Path(cache or CACHE).expanduser() / _key(url, fs, path, fs.info(path))
    if not (folder / MANIFEST).exists():
        command = [sys.executable, "-c", _APART.format(module=__name__), url, str(folder)]
        subprocess.run(command, check=False, stderr=subprocess.DEVNULL)  # noqa: S603 this very interpreter
    if not (folder / MANIFEST).exists():
        return None
    body = json.loads((folder / MANIFEST).read_bytes())
    entry = ListEntry.model_validate(body.pop("cached"))
    with pa.OSFile(str(folder / SHARD_LIST)) as source:
        shards = read_list(source, entry)
    return Manifest.model_validate_json(canonical_json(body)).model_copy(update={"shards": shards})


_APART = "import sys; from {module} import store_apart; store_apart(*sys.argv[1:])"


def store_apart(url: str, folder: str) -> None:
    """Fill the cache of a dataset; what a process of its own does for a large manifest."""
    manifest = Dataset(url).manifest
    data = list_bytes(manifest.shards)
    facts = manifest.model_copy(update={"shards": ShardList.of(())}).model_dump(mode="json", exclude={"shard_list"})
    facts["cached"] = list_entry(manifest.shards, data).model_dump(mode="json")
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in ((SHARD_LIST, data), (MANIFEST, canonical_json(facts))):
        temporary = Path(folder) / f"{name}.{os.getpid()}.new"
        temporary.write_bytes(content)
        temporary.replace(Path(folder) / name)


def _key(url: str, fs: fsspec.AbstractFileSystem, path: str, info: dict[str, Any]) -> str:
    marks = [
        info.get(name) for name in ("size", "mtime", "ino", "ETag", "etag", "LastModified", "version_id", "md5Hash")
    ]
    parts = json.dumps([VERSION, url, type(fs).__name__, path, *map(str, marks)])
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()
