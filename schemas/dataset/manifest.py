"""The manifest of a dataset. It is written last and atomically, so its presence marks the dataset as finished.

It is canonical JSON that contains its own fingerprint, so that a changed byte is detected. Time, place and number of
workers of the run are not in it; they are in `run.json`. Up to INLINE shards are listed in it; the list of more is a
Parquet file beside it, of which it has the checksum.
"""

from collections.abc import Callable
from typing import Any, Literal, Self

import pyarrow as pa
from pydantic import ValidationError, field_validator

from ..base import Strict
from ..errors import Refusal, brief
from ..identity import canonical_json, fingerprint, parse_json, sealed_json
from ..vocabulary import Vocabulary
from .decontamination import BenchmarkReport
from .duplicates import DuplicateReport
from .file_entry import FileEntry, ListEntry
from .ledger import Tally
from .shard_list import ShardList, Shards
from .shard_list_file import INLINE, list_bytes, list_entry, read_list
from .statistics import CodebookUse, Statistics
from .tokenizer_card import Card

MANIFEST = "manifest.json"
CONTENT_SINCE = 3  # version of the rows
RUN_REPORT = "run.json"  # how and where a dataset was made; not for publication


class TokenizerEntry(Strict):
    """A tokenizer of the dataset and its files (only the card when the tokenizer is loaded from a hub)."""

    card: Card
    files: tuple[FileEntry, ...]

    @field_validator("files")
    @classmethod
    def _in_their_folder(cls, files: tuple[FileEntry, ...]) -> tuple[FileEntry, ...]:
        for entry in files:
            if not entry.file.startswith("tokenizers/"):
                raise ValueError(f"{entry.file} is not below tokenizers/")
        return files


class Manifest(Strict):
    """The description of a finished dataset."""

    version: Literal[2, 3] = 2  # 3 if the shards are listed in a file of their own
    name: str
    config: dict[str, Any]  # the run file without `out`, `engine` and the places of inputs
    run: str  # RunConfig.fingerprint
    inputs: dict[str, str]  # source -> fingerprint of all content it read
    vocabulary: Vocabulary
    vocabulary_fingerprint: str
    tokenizers: dict[Literal["text", "image", "audio"], TokenizerEntry]
    row_length: int
    shards: Shards
    shard_list: ListEntry | None = None  # the file of `shards`, where these are not in the manifest itself
    dropped: FileEntry
    duplicates: FileEntry  # all rows of all clusters
    dedup: tuple[DuplicateReport, ...]
    decontamination: tuple[BenchmarkReport, ...]
    ledger: tuple[Tally, ...]
    statistics: Statistics  # its code histograms are summarised in `codebooks`
    codebooks: dict[str, CodebookUse]
    row_version: int = 2  # version of the rows in the shards
    environment: dict[str, str]  # versions of the libraries that affect the bytes
    fingerprint: str = ""  # fingerprint of `identity()`

    def identity(self) -> dict[str, Any]:
        """The fields that identify the dataset: not locations of inputs; tokenizers count through the vocabulary."""
        return self._body({"config", "tokenizers", "environment", "fingerprint"})

    @property
    def has_content(self) -> bool:
        """True if segments have `content`, so that a document is held out by it; else it is held out by its id."""
        return self.row_version >= CONTENT_SINCE

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Group name -> sources whose samples share rows."""
        group_by = self.config["pack"]["group_by"]
        groups: dict[str, tuple[str, ...]] = {}
        for name, source in self.statistics.sources.items():
            group = {"modality": source.kind, "source": name, "none": "mixed"}[group_by]
            groups[group] = (*groups.get(group, ()), name)
        return groups

    def sealed(self) -> Self:
        """Return a copy with the fingerprint filled in, and the entry of the list of shards if there are many."""
        shards = ShardList.of(self.shards)
        listed = list_entry(shards, list_bytes(shards)) if len(shards) > INLINE else None
        update = {"shards": shards, "shard_list": listed, "version": 2 if listed is None else 3}
        manifest = self.model_copy(update=update)
        return manifest.model_copy(update={"fingerprint": fingerprint("manifest", manifest.identity())})

    def files(self) -> dict[str, bytes]:
        """The files of a sealed manifest by name, in the order in which they are to be written."""
        listed = {} if self.shard_list is None else {self.shard_list.file: list_bytes(self.shards)}
        return listed | {MANIFEST: self.to_bytes()}

    def to_bytes(self) -> bytes:
        """Serialise as canonical, indented JSON with a seal over every byte."""
        return sealed_json(self._body(set()))

    def _body(self, exclude: set[str]) -> dict[str, Any]:
        """The fields as JSON types; a manifest of an earlier version has those that it had."""
        added = set() if self.has_content else {"row_version"}
        added.add("shard_list" if self.shard_list is None else "shards")
        return self.model_dump(mode="json", exclude=exclude | added)


Opened = Callable[[FileEntry], pa.NativeFile]


def parse_manifest(data: bytes, where: str, opened: Opened | None = None) -> Manifest:
    """Parse the bytes of a manifest.

    Args:
        data: The bytes.
        where: URL of the manifest.
        opened: Opens a file of the dataset after a check of its checksum; it is called for a list of shards that is
            not in the manifest itself. None if the shards are not needed: they are empty then.

    Raises:
        Refusal: The bytes are not exactly what `to_bytes` writes, or the list of shards is damaged.
    """
    try:
        body = parse_json(data)
        del body["seal"]
        if "shard_list" in body:
            body["shards"] = []
        manifest = Manifest.model_validate_json(canonical_json(body))
        if (manifest.version == 3) != (manifest.shard_list is not None):
            raise ValueError("version 3 has a list of shards in a file")
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        first = brief(error, 200)
        raise Refusal(f"{where}: not a manifest of version 2 or 3 ({first}).", exit_code=1) from None
    if manifest.to_bytes() != data:
        raise Refusal(
            f"{where}: changed after it was written (its seal does not match). Prepare the dataset again.", exit_code=1
        )
    if fingerprint("manifest", manifest.identity()) != manifest.fingerprint:
        raise Refusal(f"{where}: its fingerprint does not match its content. Prepare the dataset again.", exit_code=1)
    if manifest.shard_list is None or opened is None:
        return manifest
    return manifest.model_copy(update={"shards": _listed(opened, manifest.shard_list, where)})


def _listed(opened: Opened, entry: ListEntry, where: str) -> ShardList:
    try:
        with opened(entry) as source:
            return read_list(source, entry)
    except (ValueError, LookupError, OSError, pa.ArrowException) as error:
        raise Refusal(
            f"{where.rpartition('/')[0]}/{entry.file}: cannot be read as the list of shards ({brief(error, 200)}). "
            "Restore it, or prepare the dataset again.",
            exit_code=1,
        ) from None
