"""The manifest of a dataset. It is written last and atomically, so its presence marks the dataset as finished.

It is canonical JSON that contains its own fingerprint, so that a changed byte is detected. Time, place and number of
workers of the run are not in it; they are in `run.json`.
"""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, ValidationError, field_validator

from ..base import Strict
from ..errors import Refusal, brief
from ..identity import canonical_json, fingerprint, sealed_json
from ..vocabulary import Vocabulary
from .decontamination import BenchmarkReport
from .duplicates import DuplicateReport
from .file_names import FileName
from .ledger import Tally
from .statistics import CodebookUse, Statistics
from .tokenizer_card import Card

MANIFEST = "manifest.json"
CONTENT_SINCE = 3  # version of the rows
RUN_REPORT = "run.json"  # how and where a dataset was made; not for publication


class FileEntry(Strict):
    """A file of the dataset, with its path relative to the dataset's root."""

    file: FileName
    bytes: NonNegativeInt
    xxh3: str = Field(pattern=r"^[0-9a-f]{32}$")


class ShardEntry(FileEntry):
    """A shard. `group` is the kind or source that its rows have in common."""

    file: Annotated[FileName, Field(pattern=r"^shards/")]
    group: Annotated[FileName, Field(pattern=r"^[^/]+$")]
    rows: NonNegativeInt
    tokens: dict[str, NonNegativeInt]


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

    version: Literal[2] = 2
    name: str
    config: dict[str, Any]  # the run file without `out`, `engine` and the places of inputs
    run: str  # RunConfig.fingerprint
    inputs: dict[str, str]  # source -> fingerprint of all content it read
    vocabulary: Vocabulary
    vocabulary_fingerprint: str
    tokenizers: dict[Literal["text", "image", "audio"], TokenizerEntry]
    row_length: int
    shards: tuple[ShardEntry, ...]
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
        """Return a copy with the fingerprint filled in."""
        return self.model_copy(update={"fingerprint": fingerprint("manifest", self.identity())})

    def to_bytes(self) -> bytes:
        """Serialise as canonical, indented JSON with a seal over every byte."""
        return sealed_json(self._body(set()))

    def _body(self, exclude: set[str]) -> dict[str, Any]:
        """The fields as JSON types; a manifest of an earlier version has those that it had."""
        added = set() if self.has_content else {"row_version"}
        return self.model_dump(mode="json", exclude=exclude | added)


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Parse the bytes of a manifest.

    Raises:
        Refusal: The bytes are not exactly what `to_bytes` writes; `where` names the file in the message.
    """
    try:
        body = json.loads(data)
        seal = body.pop("seal")
        manifest = Manifest.model_validate_json(canonical_json(body))
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        first = brief(error, 200)
        raise Refusal(f"{where}: not a manifest of version 2 ({first}).", exit_code=1) from None
    if seal != fingerprint(body) or manifest.to_bytes() != data:
        raise Refusal(
            f"{where}: changed after it was written (its seal does not match). Prepare the dataset again.", exit_code=1
        )
    if manifest.sealed().fingerprint != manifest.fingerprint:
        raise Refusal(f"{where}: its fingerprint does not match its content. Prepare the dataset again.", exit_code=1)
    return manifest
