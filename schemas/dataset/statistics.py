"""Statistics of a dataset: exact counts that are merged shard by shard."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, NonNegativeInt

from ..base import Strict
from ..vocabulary import Modality, Vocabulary

_BLOCK = 1 << 18
PERCENTILES = (1, 10, 25, 50, 75, 90, 99, 100)


class LicenseStatistics(Strict):
    """Counts of one source's segments under one licence."""

    segments: NonNegativeInt
    tokens: NonNegativeInt


class SourceStatistics(Strict):
    """Counts of one source within a dataset or a shard."""

    kind: str
    samples: NonNegativeInt = 0
    segments: NonNegativeInt = 0
    tokens: dict[str, NonNegativeInt] = Field(default_factory=dict)  # modality -> codes
    text_bytes: NonNegativeInt = 0
    pixels: NonNegativeInt = 0
    audio_samples: NonNegativeInt = 0
    licenses: dict[str, LicenseStatistics] = Field(default_factory=dict)  # without segments that have no licence
    lengths: dict[int, NonNegativeInt] = Field(default_factory=dict)  # segment length -> segments
    too_long: dict[int, NonNegativeInt] = Field(default_factory=dict)  # row length needed -> pairs dropped

    def row_length_for(self, share: float) -> int:
        """Return the smallest row length that keeps `share` of this source's pairs."""
        counts = Counter(self.lengths)
        counts.update(self.too_long)
        lengths = np.array(sorted(counts))
        cumulative = np.cumsum([counts[length] for length in lengths.tolist()])
        return int(lengths[np.searchsorted(cumulative, share * cumulative[-1])])


class Statistics(Strict):
    """Counts of one shard or of several shards together."""

    rows: NonNegativeInt = 0
    filled: NonNegativeInt = 0  # tokens that are not padding
    sources: dict[str, SourceStatistics] = Field(default_factory=dict)
    codebooks: dict[str, dict[int, NonNegativeInt]] = Field(default_factory=dict)  # name -> code -> uses


class CodebookUse(Strict):
    """How many entries of a codebook a dataset uses."""

    size: NonNegativeInt
    used: NonNegativeInt
    dead: NonNegativeInt
    perplexity: float  # 2 to the entropy of the code distribution in bits


def codebook_name(modality: Modality, codebook: int) -> str:
    """Return the name of a codebook: `text`, `image`, `audio0`, `audio1`, …"""
    return modality.name.lower() + (str(codebook) if modality is Modality.AUDIO else "")


def count_codes(tokens: npt.NDArray[np.unsignedinteger], vocabulary: Vocabulary) -> dict[str, dict[int, int]]:
    """Count the uses of every code, by codebook name; codes that are not used are left out."""
    flat = tokens.reshape(-1)
    uses = np.zeros(vocabulary.size, np.int64)
    for start in range(0, flat.size, _BLOCK):  # in blocks, since bincount converts its input to int64
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
    """Sum segments and tokens by licence.

    Args:
        licenses: (n,) licence of each row, or null.
        segments: (n,) segments of each row.
        tokens: (n,) tokens of each row.
    """
    table = pa.table({"license": licenses, "segments": segments, "tokens": tokens})
    sums = table.group_by("license", use_threads=False).aggregate([("segments", "sum"), ("tokens", "sum")])
    licensed = sums.filter(sums["license"].is_valid()).sort_by("license")
    columns = (licensed[name].to_pylist() for name in ("license", "segments_sum", "tokens_sum"))
    return {name: LicenseStatistics(segments=n, tokens=t) for name, n, t in zip(*columns, strict=True)}


def merge_statistics(parts: Iterable[Statistics]) -> Statistics:
    """Merge the statistics of several shards, one at a time; the result does not depend on the order of `parts`."""
    found = StatisticsSum()
    for part in parts:
        found.add(part)
    return found.statistics()


class StatisticsSum:
    """Running sum of the statistics of shards, in any order."""

    def __init__(self) -> None:
        self._rows = self._filled = 0
        self._sources: dict[str, _SourceSum] = {}
        self._codebooks: dict[str, Counter[int]] = {}

    def add(self, part: Statistics) -> None:
        """Add the statistics of one shard."""
        self._rows, self._filled = self._rows + part.rows, self._filled + part.filled
        for name, source in part.sources.items():
            self._sources.setdefault(name, _SourceSum(source.kind)).add(source)
        for name, uses in part.codebooks.items():
            self._codebooks.setdefault(name, Counter()).update(uses)

    def statistics(self) -> Statistics:
        """The sums so far."""
        return Statistics(
            rows=self._rows,
            filled=self._filled,
            sources={name: found.statistics() for name, found in sorted(self._sources.items())},
            codebooks={name: dict(sorted(uses.items())) for name, uses in sorted(self._codebooks.items())},
        )


_SUMS = ("samples", "segments", "text_bytes", "pixels", "audio_samples")
_COUNTS = ("tokens", "lengths", "too_long")


class _SourceSum:
    """Running sums of the statistics of one source."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._sums: Counter[str] = Counter(dict.fromkeys(_SUMS, 0))
        self._counts: dict[str, Counter[Any]] = {name: Counter() for name in _COUNTS}
        self._licenses: dict[str, Counter[str]] = {}

    def add(self, source: SourceStatistics) -> None:
        """Add the counts of one shard."""
        self._sums.update({name: getattr(source, name) for name in _SUMS})
        for name, counts in self._counts.items():
            counts.update(getattr(source, name))
        for name, found in source.licenses.items():
            self._licenses.setdefault(name, Counter()).update(found.model_dump())

    def statistics(self) -> SourceStatistics:
        """The sums so far."""
        licenses = {name: LicenseStatistics.model_validate(sums) for name, sums in sorted(self._licenses.items())}
        counts = {name: dict(sorted(found.items())) for name, found in self._counts.items()}
        return SourceStatistics.model_validate({"kind": self._kind, "licenses": licenses, **counts, **self._sums})


def percentiles(counts: Mapping[int, int]) -> dict[str, int]:
    """Percentiles of a histogram of lengths: the smallest length that covers p % of the segments."""
    if not counts:
        return {}
    lengths = np.array(sorted(counts))
    cumulative = np.cumsum([counts[length] for length in lengths.tolist()])
    at = np.searchsorted(cumulative, np.array(PERCENTILES) / 100 * cumulative[-1])
    return {f"p{p}": int(lengths[i]) for p, i in zip(PERCENTILES, at, strict=True)}


def codebook_use(uses: Mapping[int, int], size: int) -> CodebookUse:
    """Summarise the uses (code -> count) of a codebook of `size` entries."""
    counts = np.array(list(uses.values()), np.float64)
    share = counts / counts.sum() if counts.size else counts
    entropy = float(-(share * np.log2(share)).sum())
    used = len(uses)
    return CodebookUse(size=size, used=used, dead=size - used, perplexity=round(2**entropy, 2) if used else 0.0)


def codebook_uses(codes: Mapping[str, Mapping[int, int]], vocabulary: Vocabulary) -> dict[str, CodebookUse]:
    """Summarise every codebook of a vocabulary, by name; `codes` is `Statistics.codebooks`."""
    return {
        (name := codebook_name(block.modality, block.codebook)): codebook_use(
            codes.get(name, {}), block.stop - block.start
        )
        for block in vocabulary.slices[1:]
    }
