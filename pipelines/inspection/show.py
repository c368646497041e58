"""Decodes packed rows back to text, images and audio, with the origin of each document."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq
import soundfile
from PIL import Image

from ...schemas.dataset.layout import codes_of_span
from ...schemas.dataset.packed_row import PackedRow
from ...schemas.dataset.reader import Dataset
from ...schemas.errors import Refusal
from ...schemas.vocabulary import Kind, Modality
from ...tokenizers.bundle import Bundle
from .find_documents import Place, find_segments


@dataclass(frozen=True)
class DecodedSegment:
    """One decoded segment of a row: its origin, its text, and its files by extension."""

    row: int  # of the dataset
    number: int
    segment: dict[str, Any]
    kind: Kind
    text: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)  # txt, png, wav


class Decoder:
    """Decodes spans with the dataset's tokenizers, each loaded on first use."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.bundle = Bundle.of_dataset(dataset)

    def decode(self, ids: Any, modality: Modality) -> tuple[str, bytes, str | None]:
        """Decode the ids of a span to (file extension, bytes of the file, the text or None)."""
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
    """Decode every segment of a row.

    Raises:
        Refusal: The row or a tokenizer does not exist.
    """
    row = dataset.row(index)
    decoder = Decoder(dataset)
    for number in range(1, len(row.segments) + 1):
        yield _show(decoder, row, index, number)


def show_places(dataset: Dataset, places: Iterable[Place]) -> Iterator[DecodedSegment]:
    """Decode segments, such as those of a document, in their order."""
    decoder = Decoder(dataset)
    for place in places:
        yield _show(decoder, dataset.row(place.row), place.row, place.number)


def _show(decoder: Decoder, row: PackedRow, index: int, number: int) -> DecodedSegment:
    segment = row.segments[number - 1]
    files: dict[str, bytes] = {}
    text = None
    for span in row.spans:
        if span["segment"] == number:
            ids = row.tokens[span["start"] : span["start"] + span["length"]]
            extension, data, decoded = decoder.decode(ids, Modality(span["modality"]))
            files[extension] = data
            text = decoded if decoded is not None else text
    return DecodedSegment(index, number, segment, list(Kind)[segment["kind"]], text, files)


def show_cluster(dataset: Dataset, number: int) -> tuple[list[dict[str, Any]], list[DecodedSegment]]:
    """Show a cluster of duplicates.

    Args:
        dataset: The dataset.
        number: Number of the cluster.

    Returns:
        The rows of the cluster with the columns of DUPLICATES, survivor first; the survivor's decoded segments, empty
        if a later stage dropped it.

    Raises:
        Refusal: There is no such cluster.
    """
    with dataset.verified(dataset.manifest.duplicates) as stream:
        rows = pq.read_table(stream, filters=[("cluster", "==", number)]).to_pylist()
    if not rows:
        most = sum(report.clusters for report in dataset.manifest.dedup)
        existing = f"it has clusters 1 to {most}" if most else "it has none"
        raise Refusal(f"cluster {number}: {dataset.url} has no such cluster of duplicates; {existing}.")
    return rows, list(show_places(dataset, find_segments(dataset, [rows[0]["id"]])))
