"""Which rows share something with an evaluation set: word n-grams of texts, near duplicates of pictures and clips."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from ...schemas.config.dedup import NearImage
from ...schemas.config.run import RunConfig
from ...schemas.vocabulary import Modality
from ..dedup.protocol import NearMethod
from .ngrams import NGRAM, NGRAMS_VERSION, ngram_set, overlaps


class Match(Protocol):
    """How values of one modality are held against those of an evaluation set; picklable."""

    @property
    def modality(self) -> Modality:
        """What it compares."""
        ...

    def identity(self) -> list[Any]:
        """Version and settings, as JSON values."""
        ...

    def index(self, values: pa.ChunkedArray) -> pa.Table:
        """What is kept of an evaluation set's values; tables of several parts may be concatenated."""
        ...

    def hits(self, values: pa.ChunkedArray, index: pa.Table) -> Iterator[tuple[int, str]]:
        """(row, what it shares) of the values that are in the evaluation set."""
        ...


@dataclass(frozen=True)
class MatchText:
    """Any n-gram of words in common."""

    modality: Modality = Modality.TEXT

    def identity(self) -> list[Any]:
        """Version and length of the n-grams."""
        return [NGRAMS_VERSION, NGRAM]

    def index(self, values: pa.ChunkedArray) -> pa.Table:
        """The set of hashes."""
        return ngram_set(values)

    def hits(self, values: pa.ChunkedArray, index: pa.Table) -> Iterator[tuple[int, str]]:
        """Rows with the first words that they share."""
        return overlaps(values, index)


@dataclass(frozen=True)
class MatchMedia:
    """Near duplicates, by the same means as in deduplication."""

    modality: Modality
    near: NearMethod

    def identity(self) -> list[Any]:
        """What is near."""
        return self.near.identity()

    def index(self, values: pa.ChunkedArray) -> pa.Table:
        """The signatures."""
        return pa.table({"signature": self.near.sign(values)}).drop_null()

    def hits(self, values: pa.ChunkedArray, index: pa.Table) -> Iterator[tuple[int, str]]:
        """Rows that are near one of the evaluation set; the set's come first among the rows of a key."""
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


def match_of(modality: Modality, config: RunConfig) -> Match:
    """How a modality is compared: pictures with the radius of `dedup`, where it has one."""
    if modality is Modality.TEXT:
        return MatchText()
    if modality is Modality.IMAGE:
        from ..dedup.image.near import PerceptualHash

        given = config.dedup.image.near if config.dedup.image else None
        return MatchMedia(modality, PerceptualHash(given or NearImage(), config.limits.pixels))
    from ..dedup.audio.near import Fingerprint

    return MatchMedia(modality, Fingerprint(config.limits.seconds))
