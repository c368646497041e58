"""The manifest: written last and atomically, it is what makes a folder of shards a dataset.

Its bytes are canonical JSON with its own fingerprint inside, so one changed byte shows. It holds nothing of
when, where or with how many workers the dataset was made: that goes into `run.json`.
"""

import json
from typing import Any, Literal, Self

from pydantic import NonNegativeInt, ValidationError

from ..base import Strict
from ..errors import Refusal
from ..identity import canonical_json, fingerprint, sealed_json
from ..vocabulary import Vocabulary
from .decontamination import BenchmarkReport
from .duplicates import DuplicateReport
from .ledger import Tally
from .statistics import CodebookUse, Statistics
from .tokenizer_card import Card

MANIFEST = "manifest.json"
RUN_REPORT = "run.json"  # how and where a dataset was made; not for publication


class FileEntry(Strict):
    """A file of the dataset, by its path below the dataset's root."""

    file: str
    bytes: NonNegativeInt
    xxh3: str


class ShardEntry(FileEntry):
    """A shard; `group` is what its rows have in common."""

    group: str
    rows: NonNegativeInt
    tokens: dict[str, NonNegativeInt]


class TokenizerEntry(Strict):
    """A tokenizer of the dataset, and its files (the card alone when a hub holds it)."""

    card: Card
    files: tuple[FileEntry, ...]


class Manifest(Strict):
    """Everything that is known of a finished dataset."""

    version: Literal[2] = 2
    name: str
    config: dict[str, Any]  # the run file without `out`, `engine` and the places of inputs
    run: str  # RunConfig.fingerprint
    inputs: dict[str, str]  # source -> fingerprint of all content it read
    vocabulary: Vocabulary
    vocabulary_fingerprint: str
    tokenizers: dict[str, TokenizerEntry]
    row_length: int
    shards: tuple[ShardEntry, ...]
    dropped: FileEntry
    duplicates: FileEntry  # every row of every cluster
    dedup: tuple[DuplicateReport, ...]
    decontamination: tuple[BenchmarkReport, ...]
    ledger: tuple[Tally, ...]
    statistics: Statistics  # its histograms of codes are summed up in `codebooks`
    codebooks: dict[str, CodebookUse]
    environment: dict[str, str]  # versions of the libraries that decide bytes
    fingerprint: str = ""  # over `identity`

    def identity(self) -> dict[str, Any]:
        """What the dataset is, wherever its inputs and tokenizers lay: the latter are in the vocabulary."""
        return self.model_dump(mode="json", exclude={"config", "tokenizers", "environment", "fingerprint"})

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The sources whose samples share rows, by group."""
        group_by = self.config["pack"]["group_by"]
        groups: dict[str, tuple[str, ...]] = {}
        for name, source in self.statistics.sources.items():
            group = {"modality": source.kind, "source": name, "none": "mixed"}[group_by]
            groups[group] = (*groups.get(group, ()), name)
        return groups

    def sealed(self) -> Self:
        """The same manifest with its fingerprint filled in."""
        return self.model_copy(update={"fingerprint": fingerprint("manifest", self.identity())})

    def to_bytes(self) -> bytes:
        """Canonical JSON, indented for people, sealed over every byte by `seal`."""
        return sealed_json(self.model_dump(mode="json"))


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Read manifest bytes; raises Refusal unless they are just what `to_bytes` writes."""
    try:
        body = json.loads(data)
        seal = body.pop("seal")
        manifest = Manifest.model_validate_json(canonical_json(body))
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        first = " ".join(str(error).split())[:200]
        raise Refusal(f"{where}: not a manifest of version 2 ({first}).", exit_code=1) from None
    if seal != fingerprint(body) or manifest.to_bytes() != data:
        raise Refusal(f"{where}: changed after it was written (its seal does not match). Prepare again.", exit_code=1)
    if manifest.sealed().fingerprint != manifest.fingerprint:
        raise Refusal(f"{where}: its fingerprint is not that of its content. Prepare again.", exit_code=1)
    return manifest
