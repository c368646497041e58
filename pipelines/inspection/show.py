"""From a packed row back to text, pictures and sound, and to where each came from."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq
import soundfile
from PIL import Image

from ...schemas.config.tokenizers import Tokenizers
from ...schemas.dataset.duplicates import DUPLICATES_FILE
from ...schemas.dataset.layout import codes_of_span
from ...schemas.dataset.reader import Dataset, PackedRow
from ...schemas.errors import Refusal
from ...schemas.storage.store import Store
from ...schemas.vocabulary import Kind, Modality
from ...tokenizers.bundle import Bundle


@dataclass(frozen=True)
class DecodedSegment:
    """One segment of a row: where it came from, its text, and its decoded files by extension."""

    number: int
    segment: dict[str, Any]
    kind: Kind
    text: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)  # txt, png, wav


class Decoder:
    """Decodes spans with the dataset's own tokenizers, each loaded when first needed."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        manifest, store = dataset.manifest, Store(dataset.url)
        cards = {name: entry.card for name, entry in manifest.tokenizers.items()}
        configs = Tokenizers.model_validate(manifest.config["tokenizers"])
        self.bundle = Bundle(configs, cards, lambda name: store.local_path(name) or name, dataset.url)

    def decode(self, ids: Any, modality: Modality) -> tuple[str, bytes, str | None]:
        """(extension, file bytes, text if it is text) of a span's ids."""
        codes = codes_of_span(ids, modality, self.dataset.manifest.vocabulary)
        if modality is Modality.TEXT:
            text = self.bundle.text.decode(codes)
            return "txt", text.encode(), text
        sink = io.BytesIO()
        if modality is Modality.IMAGE:
            Image.fromarray(self.bundle.image.decode(codes[None])[0]).save(sink, format="PNG")
            return "png", sink.getvalue(), None
        tokenizer = self.bundle.audio
        soundfile.write(sink, tokenizer.decode(codes), tokenizer.sample_rate, format="WAV")
        return "wav", sink.getvalue(), None


def show_row(dataset: Dataset, index: int) -> Iterator[DecodedSegment]:
    """Every segment of a row, decoded; raises Refusal when the row or a tokenizer is not there."""
    row = dataset.row(index)
    decoder = Decoder(dataset)
    for number in range(1, len(row.segments) + 1):
        yield _show(decoder, row, number)


def show_document(dataset: Dataset, document: bytes) -> Iterator[DecodedSegment]:
    """Every segment of a document, decoded, in the order of its pieces; nothing when it is in no shard."""
    decoder = Decoder(dataset)
    shown = [_show(decoder, dataset.row(index), number) for index, number in dataset.find(document)]
    yield from sorted(shown, key=lambda piece: int(piece.segment["offset"]))


def _show(decoder: Decoder, row: PackedRow, number: int) -> DecodedSegment:
    segment = row.segments[number - 1]
    files: dict[str, bytes] = {}
    text = None
    for span in row.spans:
        if span["segment"] == number:
            ids = row.tokens[span["start"] : span["start"] + span["length"]]
            extension, data, said = decoder.decode(ids, Modality(span["modality"]))
            files[extension] = data
            text = said if said is not None else text
    return DecodedSegment(number, segment, list(Kind)[segment["kind"]], text, files)


def show_cluster(dataset: Dataset, number: int) -> tuple[list[dict[str, Any]], list[DecodedSegment]]:
    """The rows of a cluster of duplicates, the survivor first, and the survivor's segments as they are in the shards.

    A row has the columns of DUPLICATES. There are no segments of a survivor that a later stage dropped. Raises Refusal
    when there is no such cluster.
    """
    with dataset.fs.open(f"{dataset.root}/{DUPLICATES_FILE}", "rb") as stream:
        rows = pq.read_table(stream, filters=[("cluster", "==", number)]).to_pylist()
    if not rows:
        most = sum(report.clusters for report in dataset.manifest.dedup)
        there = f"it has clusters 1 to {most}" if most else "it has none"
        raise Refusal(f"cluster {number}: {dataset.url} has no such cluster of duplicates; {there}.")
    return rows, list(show_document(dataset, rows[0]["id"]))
