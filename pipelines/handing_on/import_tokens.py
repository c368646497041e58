"""Makes a dataset of texts that other software has tokenized: their ids are kept as they are, and packed.

Everything else is as in a preparation: each document has its origin, its id and its content, so that it is held out and
found as if it had been prepared; rows that cannot be used are dropped by name, and the ledger balances.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.config.load import check
from ...schemas.config.run import RunConfig
from ...schemas.dataset.manifest import Manifest
from ...schemas.dataset.statistics import Statistics
from ...schemas.dataset.tokenizer_card import vocabulary_of
from ...schemas.errors import Refusal
from ...schemas.identity import file_fingerprint, fingerprint
from ...schemas.storage.new_folder import new_folder
from ...schemas.storage.store import WORK, Store
from ...schemas.vocabulary import Modality
from ...tokenizers.protocol import TextTokenizer
from ...tokenizers.registry import load_text
from ..clean import Selected, clean
from ..engines.journal import Journal
from ..engines.partition import Outcome, Partition, commit
from ..engines.serial import Serial
from ..engines.stage import part_name
from ..engines.steps import Given, Map, Shuffle
from ..nothing_left import require_rows_left
from ..pack.packed import PackedStatistics
from ..pack.shard import PackShard
from ..prepare import shard_count
from ..publish import publish
from ..sources.base import Drop, RawBatch, Unit
from ..sources.read import Input, ReadUnit
from ..sources.samples import samples
from ..tokenize.encode import complete_samples
from ..tokenize.ready import ready_tokenizers
from ..tokenize.text_encoder import TextEncoder
from ..tokenize.train import ReadyTokenizer
from .token_files import READERS, Documents, parts_of

IMPORTED = TextEncoder("none: the ids were imported", fast=False)


@dataclass(frozen=True)
class ImportRequest:
    """What is imported, and how.

    Attributes:
        files: Files of one format.
        tokenizer: The text tokenizer that made the ids: a SentencePiece model, a `tokenizer.json`, a `.tiktoken` file.
        column: Column of a Parquet file that holds the lists of ids.
        end: Id that ends each document, which is taken off; None: no such id.
        name: Name of the dataset and of its source.
        row_length: Tokens of a packed row.
    """

    files: tuple[Path, ...]
    tokenizer: str
    column: str = "input_ids"
    end: int | None = None
    name: str = "imported"
    row_length: int = 4096


def import_tokens(request: ImportRequest, out: str) -> Manifest:
    """Write a dataset.

    Args:
        request: What is imported.
        out: The folder to write, which must not exist; it appears when everything is written.

    Raises:
        Refusal: A file is of no known format or damaged, an id is none of the tokenizer, nothing is left, or the folder
            exists.
    """
    for file in request.files:
        if file.suffix not in READERS:
            raise Refusal(f"{file}: only {', '.join(READERS)} can be imported. Name the files by their format.")
    config = _config(request, out)
    with new_folder(out) as folder:
        store, journal = Store(str(folder.absolute())), Journal()
        engine = Serial(store, journal)
        none: dict[str, list[Partition]] = {request.name: []}
        fitted, _ = ready_tokenizers(engine, none, config.sources, config.tokenizers, config.seed, config.limits)
        inputs = _inputs(config, request.files)
        parts = _Import(request, config, store, fitted[Modality.TEXT]).run(engine, inputs)
        require_rows_left(store, config.sources, journal)
        _, cleaned = clean(engine, config, Selected(none, {}, None))
        packed, statistics = _pack(engine, config, fitted[Modality.TEXT], parts)
        manifest = publish(store, config, inputs, cleaned, fitted, IMPORTED, packed, statistics, journal)
        shutil.rmtree(folder / WORK)
    return manifest


def _config(request: ImportRequest, out: str) -> RunConfig:
    """The run file that this import stands for."""
    first = request.files[0]
    source: dict[str, Any] = {"name": request.name, "path": f"{first.parent}/*{first.suffix}", "kind": "files"}
    if first.suffix == ".parquet":
        source |= {"kind": "parquet", "text": request.column}
    tree = {
        "name": request.name,
        "out": out,
        "row_length": request.row_length,
        "engine": {"kind": "serial"},
        "sources": [source],
        "tokenizers": {"text": {"kind": _kind(request.tokenizer), "path": request.tokenizer}},
    }
    return check(RunConfig, tree, "triptych import")


def _kind(tokenizer: str) -> str:
    path = Path(tokenizer)
    if path.suffix == ".json" or (path / "tokenizer.json").exists():
        return "huggingface"
    return "tiktoken" if path.suffix == ".tiktoken" else "sentencepiece"


def _inputs(config: RunConfig, files: Sequence[Path]) -> list[Input]:
    found: list[Input] = []
    for file in files:
        digest = fingerprint([file_fingerprint(str(part)) for part in parts_of(file) if part.is_file()])
        copy = sum(one.digest == digest for one in found)
        found.append(Input(config.sources[0], Unit(str(file), file.name), digest, copy))
    return found


@dataclass(frozen=True)
class _Import:
    """Turns the documents of files into committed partitions of samples."""

    request: ImportRequest
    config: RunConfig
    store: Store
    ready: ReadyTokenizer

    def run(self, engine: Serial, inputs: Sequence[Input]) -> list[Partition]:
        """Read every file."""
        tokenizer = load_text(self.config.tokenizers.text, self.store.local_path(self.ready.where))
        parts: list[Partition] = []
        with engine.journal.step("read", len(inputs), 0) as step:
            for item in inputs:
                rows = tokens = 0
                for number, outcome in enumerate(self._outcomes(item, tokenizer)):
                    key = fingerprint("import", item.base, number)
                    committed = commit(self.store, part_name("text", key), outcome)
                    engine.journal.count(outcome.tallies)
                    engine.journal.dropped_in += [committed.name] if committed.dropped else []
                    parts.append(committed.reference(key))
                    rows, tokens = rows + outcome.table.num_rows, tokens + int(outcome.note["tokens"])
                step.advance("this", 0, rows, tokens)
        return [part for part in parts if part.rows]

    def _outcomes(self, item: Input, tokenizer: TextTokenizer) -> Iterator[Outcome]:
        path = Path(item.unit.path)
        reading = ReadUnit(self.store, self.config.limits, self.config.partition_bytes)
        sizes, first = {"text": tokenizer.size}, 0
        for block in READERS[path.suffix](path, self.request.column):
            self._require_known(block, first, path, tokenizer.size)
            ids, lengths = self._without_end(block)
            bounds = np.r_[0, np.cumsum(lengths)]
            there = np.flatnonzero(~block.missing)
            texts = [tokenizer.decode(ids[bounds[at] : bounds[at + 1]].astype(np.uint32)) for at in there.tolist()]
            table = pa.table({"row": pa.array(there + first), "text": pa.array(texts, pa.string())})
            drops = [Drop(int(at) + first, "text_missing") for at in np.flatnonzero(block.missing)]
            for batch in samples([RawBatch(table, drops)], item.source, item.base, self.config.partition_bytes):
                read = reading.outcome(item, batch)
                kept = read.table["row"].to_numpy() - first
                codes, offsets = _chosen(ids, bounds, kept)
                made = complete_samples(read.table, codes, offsets, sizes, kept=False)
                yield Outcome(made.table, read.dropped, [*read.tallies, *made.tallies], made.note)
            first += len(lengths)

    def _require_known(self, block: Documents, first: int, path: Path, size: int) -> None:
        wrong = np.flatnonzero((block.ids < 0) | (block.ids >= size))
        if len(wrong):
            document = first + int(np.searchsorted(np.cumsum(block.lengths), wrong[0], side="right"))
            raise Refusal(
                f"{path}: document {document:,} holds the id {int(block.ids[wrong[0]]):,}, and "
                f"{self.request.tokenizer} has the ids 0 to {size - 1:,}. Give that of these ids: --tokenizer."
            )

    def _without_end(self, block: Documents) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Ids and lengths without the id that ends a document."""
        if self.request.end is None:
            return block.ids, block.lengths
        last = (np.cumsum(block.lengths) - 1)[block.lengths > 0]
        ended = last[block.ids[last] == self.request.end]
        keep = np.ones(len(block.ids), bool)
        keep[ended] = False
        lengths = block.lengths.copy()
        filled = np.flatnonzero(block.lengths > 0)
        lengths[filled[block.ids[last] == self.request.end]] -= 1
        return block.ids[keep], lengths


def _chosen(
    ids: npt.NDArray[np.int64], bounds: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The ids of some of the documents, one after another, and where each begins and ends."""
    lengths = bounds[rows + 1] - bounds[rows]
    offsets = np.r_[0, np.cumsum(lengths)]
    at = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths) + np.repeat(bounds[rows], lengths)
    return ids[at], offsets


def _pack(
    engine: Serial, config: RunConfig, ready: ReadyTokenizer, parts: Sequence[Partition]
) -> tuple[list[Partition], Statistics]:
    vocabulary = vocabulary_of({Modality.TEXT: ready.card})
    tokens = sum(part.note["tokens"] for part in parts)
    shards = shard_count(tokens, vocabulary, config.row_length, config.pack.shard_bytes)
    stage = PackShard(
        store=engine.store,
        vocabulary=vocabulary,
        row_length=config.row_length,
        group="text",
        text=config.tokenizers.text,
        text_where=ready.where,
        kept=False,
    )
    statistics = PackedStatistics()
    packed = Map(stage, Shuffle((Given(parts),), "id", shards), notes=statistics)
    return engine.run([packed])[packed], statistics.statistics()
