"""The end of a run: collects dropped rows, publishes tokenizers, deletes stale files and writes the manifest.

If anything changes, the manifest is deleted first and written last, so a dataset with a manifest is complete at every
moment. Only `run.json` depends on when or where the run was made.
"""

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from ..schemas.config.locations import located_config, published_config
from ..schemas.config.run import RunConfig
from ..schemas.dataset.file_entry import FileEntry, ShardEntry
from ..schemas.dataset.ledger import Tally, check_ledger, merge
from ..schemas.dataset.manifest import MANIFEST, Manifest, TokenizerEntry
from ..schemas.dataset.packed_row import ROW_VERSION
from ..schemas.dataset.shard_list import ShardList
from ..schemas.dataset.shard_list_file import SHARD_LIST
from ..schemas.dataset.statistics import Statistics, codebook_uses
from ..schemas.dataset.tokenizer_card import CARD, vocabulary_of
from ..schemas.identity import bytes_fingerprint, canonical_json, fingerprint
from ..schemas.secrets import public_tree
from ..schemas.storage.store import Store
from ..schemas.vocabulary import Modality
from .clean import Cleaned
from .dropped_rows import dropped_rows
from .engines.journal import Journal, peak_memory
from .engines.partition import Partition
from .row_list import publish_list
from .sources.read import Input
from .tokenize.text_encoder import TextEncoder
from .tokenize.train import ReadyTokenizer

LIBRARIES = (
    "numpy",
    "scipy",
    "pyarrow",
    "sentencepiece",
    "torch",
    "torchaudio",
    "diffusers",
    "transformers",
    "pillow",
    "soundfile",
)
COMPARISONS = ("image", "audio", "image-audio", "image-text", "audio-text", "image-audio-text", "text")
ORDER = (
    *("read", "normalise", "takedown", "filter"),
    *(f"dedup-{modalities}" for modalities in COMPARISONS),
    *("decontaminate", "image", "audio", "text", "pack"),
)


def publish(
    store: Store,
    config: RunConfig,
    inputs: Sequence[Input],
    cleaned: Cleaned,
    fitted: Mapping[Modality, ReadyTokenizer],
    encoder: TextEncoder,
    packed: Sequence[Partition],
    statistics: Statistics,
    journal: Journal,
) -> Manifest:
    """Publish a dataset.

    Args:
        store: Where the dataset is written.
        config: The run file.
        inputs: The units that were read.
        cleaned: Results of cleaning.
        fitted: The tokenizers.
        encoder: What encoded the texts.
        packed: Partitions of `PackShard`.
        statistics: The sums of their statistics.
        journal: Ledger of the run.

    Returns:
        The manifest.

    Raises:
        Refusal: The ledger does not balance.
    """
    ledger = _ledger(journal.tallies, [source.name for source in (*config.sources, *config.decontaminate)])
    check_ledger(ledger)
    dropped = dropped_rows(store, journal.dropped_in, ledger, config.limits.ledger_rows, config.keeps_columns)
    vocabulary = vocabulary_of({modality: fit.card for modality, fit in fitted.items()})
    tokenizers, files = _tokenizers(store, fitted)
    manifest = Manifest(
        name=config.name,
        config=published_config(config, _folders(fitted)),
        run=config.fingerprint,
        inputs=_inputs(inputs),
        vocabulary=vocabulary,
        vocabulary_fingerprint=vocabulary.fingerprint,
        tokenizers=tokenizers,
        row_length=config.row_length,
        shards=ShardList.of(ShardEntry.model_validate(part.note["shard"]) for part in packed if part.note["shard"]),
        dropped=dropped,
        duplicates=cleaned.duplicates,
        dedup=cleaned.dedup,
        decontamination=cleaned.decontamination,
        ledger=tuple(ledger),
        statistics=statistics.model_copy(update={"codebooks": {}}),
        codebooks=codebook_uses(statistics.codebooks, vocabulary),
        row_version=ROW_VERSION,
        environment=environment() | {"text_encoder": encoder.name},
    ).sealed()
    _publish(store, manifest, files)
    return manifest


def _publish(store: Store, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    own = manifest.files()
    data = own.pop(MANIFEST)
    if store.exists(MANIFEST) and store.read(MANIFEST) != data:
        store.delete(MANIFEST)
    for name, content in {**files, **own}.items():
        store.write(name, content)
    for entry in (manifest.dropped, manifest.duplicates):
        publish_list(store, entry)
    if SHARD_LIST not in own:
        store.delete(SHARD_LIST)
    wanted = {*manifest.shards.files.to_pylist(), *files}
    for folder in ("shards", "tokenizers"):
        for name in store.names(folder):
            if name not in wanted:
                store.delete(name)
    store.write(MANIFEST, data)


def _ledger(tallies: Sequence[Tally], sources: Sequence[str]) -> list[Tally]:
    return sorted(merge(tallies), key=lambda tally: (sources.index(tally.source), ORDER.index(tally.stage)))


def _folders(fitted: Mapping[Modality, ReadyTokenizer]) -> dict[str, str]:
    """Where the dataset holds a tokenizer, by modality; those on a hub are left out."""
    names = {modality.name.lower(): ready for modality, ready in fitted.items()}
    return {name: f"tokenizers/{name}" for name, ready in names.items() if ready.card.files is not None}


def _tokenizers(
    store: Store, fitted: Mapping[Modality, ReadyTokenizer]
) -> tuple[dict[str, TokenizerEntry], dict[str, bytes]]:
    entries: dict[str, TokenizerEntry] = {}
    files: dict[str, bytes] = {}
    folders = _folders(fitted)
    for modality, ready in fitted.items():
        name, start = modality.name.lower(), len(ready.folder) + 1
        card = ready.card.located(folders.get(name))
        mine = {f"tokenizers/{name}/{file[start:]}": store.read(file) for file in store.names(ready.folder)}
        mine[f"tokenizers/{name}/{CARD}"] = canonical_json(card.model_dump(mode="json"))
        entries[name] = TokenizerEntry(card=card, files=tuple(_entry(file, data) for file, data in mine.items()))
        files |= mine
    return entries, files


def _entry(name: str, data: bytes) -> FileEntry:
    return FileEntry(file=name, bytes=len(data), xxh3=bytes_fingerprint([data]))


def _inputs(inputs: Sequence[Input]) -> dict[str, str]:
    by_source: dict[str, list[str]] = {}
    for item in inputs:
        by_source.setdefault(item.source.name, []).append(item.digest)
    return {name: fingerprint(digests) for name, digests in by_source.items()}


def environment() -> dict[str, str]:
    """Return the versions of the libraries that affect the bytes of a dataset."""
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {"triptych": importlib.metadata.version("triptych"), "python": platform.python_version()} | versions


def run_report(config: RunConfig, journal: Journal, seconds: float) -> dict[str, Any]:
    """What `run.json` holds: the run file with the places of inputs, engine, wall time by step, peak memory."""
    peaks: dict[str, int] = {}
    for step in journal.steps:
        for process, peak in step.peak_bytes.items():
            peaks[process] = max(peak, peaks.get(process, 0))
    return {
        "config": located_config(config),
        "engine": public_tree(config.engine.model_dump(mode="json")),
        "machine": platform.platform(),
        "seconds": round(seconds, 2),
        "steps": [
            {
                "step": step.label,
                "after": list(step.after),
                "description": step.description,
                "partitions": step.total,
                "reused": step.reused,
                "seconds": round(step.seconds, 2),
                "peak_bytes_so_far": max(step.peak_bytes.values(), default=0),
            }
            for step in journal.steps
        ],
        "peak_bytes_of_a_worker": max(peaks.values(), default=0),
        "peak_bytes_of_the_driver": peak_memory(),
        "workers": len(peaks),
    }
