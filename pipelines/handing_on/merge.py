"""Puts datasets with one vocabulary together: their shards are copied, what their manifests record is added up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...schemas.dataset.duplicates import DUPLICATES, DUPLICATES_FILE
from ...schemas.dataset.file_entry import FileEntry
from ...schemas.dataset.manifest import Manifest
from ...schemas.dataset.reader import Dataset
from ...schemas.dataset.shard_list import ShardList
from ...schemas.dataset.statistics import codebook_uses, count_codes, merge_statistics
from ...schemas.dataset.tables import DROPPED, KEPT, ROWS
from ...schemas.errors import Mismatch, Refusal
from ...schemas.identity import canonical_json, file_fingerprint, fingerprint
from ...schemas.storage.new_folder import new_folder
from ...schemas.storage.store import Store
from ..dropped_rows import DROPPED_FILE, with_schema
from ..filters.taken_down import TAKEN_DOWN, taken_down
from .merge_reports import merge_benchmarks, merge_duplicates, merge_ledgers
from .require_takedowns import require_takedowns
from .shared_content import shared_content


@dataclass(frozen=True)
class Merged:
    """Result of a merge; `shared` is the number of contents that are in more than one of the datasets."""

    manifest: Manifest
    shared: int


def merge_datasets(urls: Sequence[str], out: str) -> Merged:
    """Write a new dataset that holds the rows of several.

    Args:
        urls: The datasets, at least two.
        out: The folder to write, which must not exist; it appears when everything is written.

    Raises:
        Refusal: The datasets do not fit together, one is damaged, or the folder exists.
        Mismatch: The datasets have different vocabularies.
    """
    datasets = [Dataset(url) for url in urls]
    for other in datasets[1:]:
        _require_fit(datasets[0], other)
    _require_apart(datasets)
    removed = sorted({each for dataset in datasets for each in taken_down(Store(dataset.url))})
    with new_folder(out) as folder:
        for dataset in datasets:
            require_takedowns(dataset, removed)
        shared = shared_content(datasets)
        codes = _copy(datasets, folder)
        manifest = _manifest(datasets, folder, codes)
        if removed:
            (folder / TAKEN_DOWN).write_text("".join(f"{each}\n" for each in removed), encoding="utf-8")
        for name, data in manifest.files().items():
            (folder / name).write_bytes(data)
    return Merged(manifest, shared)


def _require_fit(first: Dataset, other: Dataset) -> None:
    one, two = first.manifest, other.manifest
    if one.vocabulary_fingerprint != two.vocabulary_fingerprint:
        sides = (first.where, one.vocabulary_fingerprint), (other.where, two.vocabulary_fingerprint)
        raise Mismatch.between("vocabulary", *sides, "Prepare both with the same tokenizers, given by `path`.")
    for what, mine, theirs in (
        ("row_length", one.row_length, two.row_length),
        ("the version of the rows", one.row_version, two.row_version),
        ("pack.group_by", one.config["pack"]["group_by"], two.config["pack"]["group_by"]),
    ):
        if mine != theirs:
            raise Refusal(
                f"{what} differs: {first.where} has {mine}, {other.where} has {theirs}. Prepare one of them again, "
                "with the value of the other."
            )


def _require_apart(datasets: Sequence[Dataset]) -> None:
    kinds: dict[str, tuple[str, Dataset]] = {}
    for number, dataset in enumerate(datasets):
        for other in datasets[:number]:
            mine, theirs = dataset.manifest.shards.files, other.manifest.shards.files.combine_chunks()
            if len(both := mine.filter(pc.is_in(mine, value_set=theirs))):
                raise Refusal(
                    f"{both[0]} is in {other.where} and in {dataset.where}, so all its documents would be there twice. "
                    "Give each dataset once."
                )
        for name, source in dataset.manifest.statistics.sources.items():
            kind, owner = kinds.setdefault(name, (source.kind, dataset))
            if kind != source.kind:
                raise Refusal(
                    f"source {name} is of kind {kind} in {owner.where}, and of kind {source.kind} in {dataset.where}. "
                    "Prepare one of them again, under another name of the source."
                )


def _copy(datasets: Sequence[Dataset], folder: Path) -> dict[str, Counter[int]]:
    """Copy tokenizers and shards; return the uses of all codes."""
    codes: dict[str, Counter[int]] = {}
    files: list[tuple[Dataset, FileEntry]] = [
        (datasets[0], file) for tokenizer in datasets[0].manifest.tokenizers.values() for file in tokenizer.files
    ]
    files += [(dataset, entry) for dataset in datasets for entry in dataset.manifest.shards]
    for dataset, entry in files:
        target = folder / entry.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(dataset.verified(entry).read_buffer())
    for dataset in datasets:
        for shard in dataset.manifest.shards:
            uses = count_codes(dataset.open(shard).matrix("tokens"), dataset.manifest.vocabulary)
            for name, counts in uses.items():
                codes.setdefault(name, Counter()).update(counts)
    return codes


def _manifest(datasets: Sequence[Dataset], folder: Path, codes: dict[str, Counter[int]]) -> Manifest:
    manifests = [dataset.manifest for dataset in datasets]
    first = manifests[0]
    offsets = _write_duplicates(datasets, folder / DUPLICATES_FILE)
    _write_dropped(datasets, folder / DROPPED_FILE)
    statistics = merge_statistics(manifest.statistics for manifest in manifests)
    return first.model_copy(
        update={
            "name": "+".join(dict.fromkeys(manifest.name for manifest in manifests)),
            "config": _config([manifest.config for manifest in manifests]),
            "run": fingerprint("merge", [manifest.run for manifest in manifests]),
            "inputs": _inputs(manifests),
            "shards": ShardList.of(entry for manifest in manifests for entry in manifest.shards),
            "dropped": _entry(folder, DROPPED_FILE),
            "duplicates": _entry(folder, DUPLICATES_FILE),
            "dedup": merge_duplicates([manifest.dedup for manifest in manifests], offsets),
            "decontamination": merge_benchmarks(each for manifest in manifests for each in manifest.decontamination),
            "ledger": tuple(merge_ledgers([manifest.ledger for manifest in manifests])),
            "statistics": statistics.model_copy(update={"codebooks": {}}),
            "codebooks": codebook_uses(codes, first.vocabulary),
            "environment": _environment(manifests),
        }
    ).sealed()


def _entry(folder: Path, name: str) -> FileEntry:
    path = folder / name
    return FileEntry(file=name, bytes=path.stat().st_size, xxh3=file_fingerprint(str(path)))


def _config(configs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The first run file, with the sources, evaluation sets, filters and kinds of deduplication of all."""
    merged = dict(configs[0])
    for key in ("sources", "decontaminate", "filters"):
        blocks = [block for config in configs for block in config.get(key, ())]
        merged[key] = list({canonical_json(block): block for block in blocks}.values())
    dedup: dict[str, Any] = {}
    for config in configs:
        dedup |= {name: value for name, value in config.get("dedup", {}).items() if dedup.get(name) is None}
    return merged | {"dedup": dedup}


def _inputs(manifests: Sequence[Manifest]) -> dict[str, str]:
    digests: dict[str, list[str]] = {}
    for manifest in manifests:
        for name, digest in manifest.inputs.items():
            digests.setdefault(name, []).append(digest)
    return {name: found[0] if len(found) == 1 else fingerprint(found) for name, found in digests.items()}


def _environment(manifests: Sequence[Manifest]) -> dict[str, str]:
    names = list(dict.fromkeys(name for manifest in manifests for name in manifest.environment))
    return {
        name: ", ".join(dict.fromkeys(m.environment[name] for m in manifests if name in m.environment))
        for name in names
    }


def _write_duplicates(datasets: Sequence[Dataset], path: Path) -> list[int]:
    """Write all clusters, numbered on from dataset to dataset; return what was added to the numbers of each."""
    offsets, clusters = [], 0
    with pq.ParquetWriter(path, DUPLICATES, compression="zstd") as writer:
        writer.write_table(DUPLICATES.empty_table())
        for dataset in datasets:
            offsets.append(clusters)
            for batch in pq.ParquetFile(dataset.verified(dataset.manifest.duplicates)).iter_batches():
                numbers = batch.column("cluster").to_numpy() + offsets[-1]
                clusters = max(clusters, int(numbers.max())) if len(numbers) else clusters
                columns = {name: batch.column(name) for name in DUPLICATES.names} | {"cluster": pa.array(numbers)}
                writer.write_table(pa.table(columns, schema=DUPLICATES))
    return offsets


def _write_dropped(datasets: Sequence[Dataset], path: Path) -> None:
    files = [pq.ParquetFile(dataset.verified(dataset.manifest.dropped)) for dataset in datasets]
    present = {name for file in files for name in file.schema_arrow.names}
    schema = pa.schema([*DROPPED, *(field for field in (KEPT, ROWS) if field.name in present)])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        writer.write_table(schema.empty_table())
        for file in files:
            for batch in file.iter_batches():
                writer.write_table(with_schema(pa.Table.from_batches([batch]), schema))
