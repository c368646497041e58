"""Statistics of a dataset that can be merged shard by shard: exact counts, never samples."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, NonNegativeInt

from ..base import Strict
from ..vocabulary import Modality, Vocabulary

_BLOCK = 1 << 18
PERCENTILES = (1, 10, 25, 50, 75, 90, 99, 100)


class LicenseStatistics(Strict):
    """What a source has under one licence."""

    segments: NonNegativeInt
    tokens: NonNegativeInt


class SourceStatistics(Strict):
    """Counts of one source and kind within a dataset or a shard."""

    kind: str
    samples: NonNegativeInt = 0
    segments: NonNegativeInt = 0
    tokens: dict[str, NonNegativeInt] = Field(default_factory=dict)  # codes by modality
    text_bytes: NonNegativeInt = 0
    pixels: NonNegativeInt = 0
    audio_samples: NonNegativeInt = 0
    licenses: dict[str, LicenseStatistics] = Field(default_factory=dict)  # segments that say none are not among them
    lengths: dict[int, NonNegativeInt] = Field(default_factory=dict)  # segment length -> segments
    too_long: dict[int, NonNegativeInt] = Field(default_factory=dict)  # row length needed -> pairs dropped

    def row_length_for(self, share: float) -> int:
        """The least row length that would keep `share` of this source's pairs whole."""
        counts = Counter(self.lengths)
        counts.update(self.too_long)
        lengths = np.array(sorted(counts))
        cumulative = np.cumsum([counts[length] for length in lengths.tolist()])
        return int(lengths[np.searchsorted(cumulative, share * cumulative[-1])])


class Statistics(Strict):
    """Counts of a shard, or of shards together."""

    rows: NonNegativeInt = 0
    filled: NonNegativeInt = 0  # tokens that are not padding
    sources: dict[str, SourceStatistics] = Field(default_factory=dict)
    codebooks: dict[str, dict[int, NonNegativeInt]] = Field(default_factory=dict)  # name -> code -> uses


class CodebookUse(Strict):
    """How much of a codebook a dataset uses."""

    size: NonNegativeInt
    used: NonNegativeInt
    dead: NonNegativeInt
    perplexity: float  # two to the entropy, in bits, of the codes' distribution


def codebook_name(modality: Modality, codebook: int) -> str:
    """`text`, `image`, `audio0`, `audio1`, …"""
    return modality.name.lower() + (str(codebook) if modality is Modality.AUDIO else "")


def count_codes(tokens: npt.NDArray[np.unsignedinteger], vocabulary: Vocabulary) -> dict[str, dict[int, int]]:
    """Uses of every code of every codebook among `tokens`; zeros are left out."""
    flat = tokens.reshape(-1)
    uses = np.zeros(vocabulary.size, np.int64)
    for start in range(0, flat.size, _BLOCK):  # bincount widens its input to int64
        uses += np.bincount(flat[start : start + _BLOCK], minlength=vocabulary.size)
    counts = {}
    for block in vocabulary.slices[1:]:
        part = uses[block.start : block.stop]
        used = np.flatnonzero(part)
        name = codebook_name(block.modality, block.codebook)
        counts[name] = dict(zip(used.tolist(), part[used].tolist(), strict=True))
    return counts


def count_licenses(
    licenses: pa.ChunkedArray, segments: npt.NDArray[np.int64], tokens: npt.NDArray[np.int64]
) -> dict[str, LicenseStatistics]:
    """Segments and tokens by licence, of rows of which each says its own or null."""
    table = pa.table({"license": licenses, "segments": segments, "tokens": tokens})
    sums = table.group_by("license", use_threads=False).aggregate([("segments", "sum"), ("tokens", "sum")])
    said = sums.filter(sums["license"].is_valid()).sort_by("license")
    columns = (said[name].to_pylist() for name in ("license", "segments_sum", "tokens_sum"))
    return {name: LicenseStatistics(segments=n, tokens=t) for name, n, t in zip(*columns, strict=True)}


def merge_statistics(parts: Iterable[Statistics]) -> Statistics:
    """The statistics of several shards together; the order of `parts` does not show."""
    rows = filled = 0
    sources: dict[str, list[SourceStatistics]] = {}
    codebooks: dict[str, Counter[int]] = {}
    for part in parts:
        rows, filled = rows + part.rows, filled + part.filled
        for name, source in part.sources.items():
            sources.setdefault(name, []).append(source)
        for name, uses in part.codebooks.items():
            codebooks.setdefault(name, Counter()).update(uses)
    return Statistics(
        rows=rows,
        filled=filled,
        sources={name: _merge_sources(group) for name, group in sorted(sources.items())},
        codebooks={name: dict(sorted(uses.items())) for name, uses in sorted(codebooks.items())},
    )


def _merge_sources(group: list[SourceStatistics]) -> SourceStatistics:
    tokens: Counter[str] = Counter()
    lengths: Counter[int] = Counter()
    too_long: Counter[int] = Counter()
    licenses: dict[str, list[LicenseStatistics]] = {}
    for source in group:
        for name, counts in source.licenses.items():
            licenses.setdefault(name, []).append(counts)
        tokens.update(source.tokens)
        lengths.update(source.lengths)
        too_long.update(source.too_long)
    sums = {
        key: sum(getattr(source, key) for source in group)
        for key in ("samples", "segments", "text_bytes", "pixels", "audio_samples")
    }
    return SourceStatistics(
        kind=group[0].kind,
        tokens=dict(sorted(tokens.items())),
        licenses={
            name: LicenseStatistics(segments=sum(c.segments for c in counts), tokens=sum(c.tokens for c in counts))
            for name, counts in sorted(licenses.items())
        },
        lengths=dict(sorted(lengths.items())),
        too_long=dict(sorted(too_long.items())),
        **sums,
    )


def percentiles(counts: Mapping[int, int]) -> dict[str, int]:
    """Percentiles of a histogram of lengths: the least length that covers p % of the segments."""
    if not counts:
        return {}
    lengths = np.array(sorted(counts))
    cumulative = np.cumsum([counts[length] for length in lengths.tolist()])
    at = np.searchsorted(cumulative, np.array(PERCENTILES) / 100 * cumulative[-1])
    return {f"p{p}": int(lengths[i]) for p, i in zip(PERCENTILES, at, strict=True)}


def codebook_use(uses: Mapping[int, int], size: int) -> CodebookUse:
    """Summarise the uses of each code of a codebook."""
    counts = np.array(list(uses.values()), np.float64)
    share = counts / counts.sum() if counts.size else counts
    entropy = float(-(share * np.log2(share)).sum())
    used = len(uses)
    return CodebookUse(size=size, used=used, dead=size - used, perplexity=round(2**entropy, 2) if used else 0.0)


def codebook_uses(codes: Mapping[str, Mapping[int, int]], vocabulary: Vocabulary) -> dict[str, CodebookUse]:
    """The uses of every codebook of a vocabulary, by its name; `codes` is as in Statistics."""
    return {
        (name := codebook_name(block.modality, block.codebook)): codebook_use(
            codes.get(name, {}), block.stop - block.start
        )
        for block in vocabulary.slices[1:]
    }
