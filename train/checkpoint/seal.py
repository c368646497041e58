"""The sealed `state.json` of a checkpoint: the training state, and size and checksum of every other file.

It is written last, so a checkpoint without it is not complete. A file that differs from its entry is damaged.
"""

from pathlib import Path
from typing import Any

from ...schemas.identity import file_fingerprint, sealed_json, unseal
from .restricted_load import METADATA, TENSOR_FILE

STATE = "state.json"
FILES = "files"  # key of state.json
Entries = dict[str, list[Any]]  # file name -> [bytes, xxh3-128]


def entries_of(folder: Path, rank: int) -> Entries:
    """Hash the files that a process wrote; rank 0 also wrote the description."""
    mine = [file for file in folder.iterdir() if rank_of(file.name) == rank]
    return {file.name: [file.stat().st_size, file_fingerprint(str(file))] for file in sorted(mine)}


def write_state(folder: Path, state: dict[str, Any], files: Entries | None) -> None:
    """Write state.json; a reader finds the whole file, or the whole one before."""
    whole = state if files is None else state | {FILES: files}
    (folder / f"{STATE}.new").write_bytes(sealed_json(whole))
    (folder / f"{STATE}.new").replace(folder / STATE)


def read_state(folder: Path) -> tuple[dict[str, Any], Entries | None]:
    """Read state.json.

    Returns:
        The state, and the entries of the files; None for a checkpoint of a version that did not write them.

    Raises:
        ValueError: The file was changed.
        OSError: It cannot be read.
    """
    state = unseal((folder / STATE).read_bytes())
    return state, state.pop(FILES, None)


def damaged(folder: Path, files: Entries, rank: int, world: int) -> str | None:
    """Check every `world`-th file; returns what is wrong with the first damaged one."""
    for name, (size, checksum) in sorted(files.items())[rank::world]:
        path = folder / name
        if rank_of(name) is None or not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size:,} bytes, not {size:,}"
        if file_fingerprint(str(path)) != checksum:
            return f"the checksum of {name} does not match"
    return None


def rank_of(name: str) -> int | None:
    """Rank of the process that wrote a file of a checkpoint; None for a file that is no part of one."""
    if name == METADATA:
        return 0
    found = TENSOR_FILE.fullmatch(name)
    return int(found[1]) if found else None
