"""Finds rows that occur in an evaluation set: word n-grams of texts, near duplicates of images and clips."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from ...schemas.config.dedup import NearImage
from ...schemas.config.run import Limits
from ...schemas.vocabulary import Modality
from ..dedup.protocol import NearMethod
from .ngrams import NGRAM, NGRAMS_VERSION, ngram_set, overlaps


class Match(Protocol):
    """How values of one modality are compared with an evaluation set; picklable."""

    @property
    def modality(self) -> Modality:
        """The modality that is compared."""
        ...

    def identity(self) -> list[Any]:
        """Version and settings, as JSON values."""
        ...

    def index(self, values: pa.ChunkedArray) -> pa.Table:
        """Build the index of an evaluation set's values; the indices of several parts may be concatenated."""
        ...

    def hits(self, values: pa.ChunkedArray, index: pa.Table) -> Iterator[tuple[int, str]]:
        """Yield (row, shared content) for the values that occur in the evaluation set."""
        ...


@dataclass(frozen=True)
class MatchText:
    """Texts match when they share any word n-gram."""

    modality: Modality = Modality.TEXT

    def identity(self) -> list[Any]:
        """Version and length of the n-grams."""
        return [NGRAMS_VERSION, NGRAM]

    def index(self, values: pa.ChunkedArray) -> pa.Table:
        """Return the set of n-gram hashes."""
        return ngram_set(values)

    def hits(self, values: pa.ChunkedArray, index: pa.Table) -> Iterator[tuple[int, str]]:
        """Yield rows with the first words that they share with the set."""
        return overlaps(values, index)


@dataclass(frozen=True)
class MatchMedia:
    """Images or clips match when they are near duplicates, as in deduplication."""

    modality: Modality
    near: NearMethod

    def identity(self) -> list[Any]:
        """Version and settings of the near-duplicate method."""
        return self.near.identity()

    def index(self, values: pa.ChunkedArray) -> pa.Table:
        """Return the signatures."""
        return pa.table({"signature": self.near.sign(values)}).drop_null()

    def hits(self, values: pa.ChunkedArray, index: pa.Table) -> Iterator[tuple[int, str]]:
        """Yield the rows that are near duplicates of one in the evaluation set.

        The rows of the evaluation set have the lower indices, so they come first among the entries of a key.
        """
        signed = pa.table({"signature": self.near.sign(values), "row": np.arange(len(values))}).drop_null()
        known = index.num_rows
        if not known or not signed.num_rows:
            return
        both = pa.concat_tables([index, signed.select(["signature"])])["signature"].combine_chunks()
        keyed = self.near.keys(both)
        order = np.lexsort((keyed.owner, keyed.key))
        owner = keyed.owner[order]
        left, right = (owner[at] for at in self.near.pairs(keyed.key[order], keyed.sketch[order]))
        low, high = np.minimum(left, right), np.maximum(left, right)
        across = (low < known) & (high >= known)
        low, high = low[across], high[across]
        alike = self.near.alike(both.take(pa.array(low)), both.take(pa.array(high)))
        rows = signed["row"].to_numpy()
        for row in np.unique(rows[high[alike] - known]).tolist():
            yield row, ""


def match_of(modality: Modality, near: NearImage | None, limits: Limits) -> Match:
    """Return how a modality is compared; for images as `near` says, or by the defaults."""
    if modality is Modality.TEXT:
        return MatchText()
    if modality is Modality.IMAGE:
        from ..dedup.image.near import PerceptualHash

        return MatchMedia(modality, PerceptualHash(near or NearImage(), limits.pixels))
    from ..dedup.audio.near import Fingerprint

    return MatchMedia(modality, Fingerprint(limits.seconds))
