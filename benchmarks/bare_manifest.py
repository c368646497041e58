"""The manifest of a dataset that was made for a benchmark: no run, no inputs, no ledger."""

from pathlib import Path

from triptych.schemas.dataset.file_entry import FileEntry
from triptych.schemas.dataset.manifest import Manifest
from triptych.schemas.dataset.shard_list import ShardList
from triptych.schemas.dataset.statistics import Statistics
from triptych.schemas.vocabulary import Vocabulary

NOTHING = FileEntry(file="none", bytes=0, xxh3="0" * 32)


def write_manifest(
    folder: Path, vocabulary: Vocabulary, row_length: int, shards: ShardList, statistics: Statistics
) -> None:
    """Write the manifest of a dataset, and its list of shards where it has one, into an existing folder."""
    manifest = Manifest(
        name=folder.name,
        config={"pack": {"group_by": "modality"}, "tokenizers": {}},
        run="",
        inputs={},
        vocabulary=vocabulary,
        vocabulary_fingerprint=vocabulary.fingerprint,
        tokenizers={},
        row_length=row_length,
        shards=shards,
        dropped=NOTHING,
        duplicates=NOTHING,
        dedup=(),
        decontamination=(),
        ledger=(),
        statistics=statistics,
        codebooks={},
        environment={},
    )
    for name, data in manifest.sealed().files().items():
        (folder / name).write_bytes(data)
