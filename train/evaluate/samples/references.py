"""Held-out documents to compare samples with: their captions become prompts, their codes the reference.

Which documents are held out follows from their ids (train/data/split.py), and so does the choice among them: reports on
the same dataset use the same documents, in whatever rows they are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ....schemas.config.run import Limits
from ....schemas.dataset.layout import codes_of_span
from ....schemas.dataset.reader import Dataset, Shard
from ....schemas.vocabulary import Kind, Modality
from ...data.split import is_held_out, key_words, split_keys

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reference:
    """One held-out document: its codes by modality, audio as (frames, codebooks), and where its source file is."""

    dataset: Dataset
    document: bytes
    source: str
    file: str
    row: int
    codes: dict[Modality, Codes]

    @property
    def limits(self) -> Limits:
        """The limits that its source file was read with."""
        return Limits.model_validate(self.dataset.manifest.config["limits"])


def references(datasets: Sequence[Dataset], share: float, modality: Modality, count: int) -> list[Reference]:
    """Select held-out documents of a modality by lowest id.

    Args:
        datasets: Datasets to search; of each, the first shards that hold enough documents are read.
        share: Share of documents that are held out.
        modality: Modality that a document must have; for text, documents of text alone. Of a text longer than a row,
            the
            first part is taken.
        count: Number of documents.
    """
    kinds = [kind for kind in Kind if modality in kind.modalities and (modality is not Modality.TEXT or kind == "text")]
    found = [one for dataset in datasets for one in _first(dataset, share, kinds, count)]
    return sorted(found, key=lambda one: one.document)[:count]


def _first(dataset: Dataset, share: float, kinds: Sequence[Kind], count: int) -> list[Reference]:
    found: list[Reference] = []
    for entry in dataset.manifest.shards:
        if len(found) >= count:
            break
        found += _held(dataset, dataset.open(entry), share, kinds, count)
    return found


def _held(dataset: Dataset, shard: Shard, share: float, kinds: Sequence[Kind], count: int) -> list[Reference]:
    lists = shard.batch.column("segments")
    table = lists.flatten()
    ids = table.field("id")
    wanted = pc.is_in(table.field("kind"), pa.array([kind.code for kind in kinds], table.field("kind").type))
    whole = pc.equal(table.field("offset"), 0)
    chosen = np.flatnonzero(is_held_out(key_words(split_keys(table)), share) & np.asarray(pc.and_(wanted, whole)))
    chosen = np.array(sorted(chosen.tolist(), key=lambda segment: ids[segment].as_py())[:count], np.int64)
    offsets = lists.offsets.to_numpy()
    rows = np.searchsorted(offsets, chosen, side="right") - 1
    return [
        _reference(dataset, shard, int(row), int(segment - offsets[row]) + 1)
        for segment, row in zip(chosen, rows, strict=True)
    ]


def _reference(dataset: Dataset, shard: Shard, index: int, number: int) -> Reference:
    row, vocabulary = shard.row(index), dataset.manifest.vocabulary
    segment = row.segments[number - 1]
    codes = {}
    for span in row.spans:
        if span["segment"] == number:
            modality = Modality(span["modality"])
            ids = row.tokens[span["start"] : span["start"] + span["length"]]
            codes[modality] = codes_of_span(ids, modality, vocabulary)
    return Reference(dataset, segment["id"], segment["source"], segment["file"], segment["row"], codes)
