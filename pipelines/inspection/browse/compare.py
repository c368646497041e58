"""Two datasets side by side: run files, tokenizers, ledgers, distributions, and which documents differ."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from ....schemas.dataset.manifest import Manifest
from .browsed import BrowsedDataset

Place = tuple[int, int]  # row, number of the segment in it
MOST_DOCUMENTS = 20_000_000  # whose hashes are compared exactly, 16 bytes each
EXAMPLES = 8
DRAWN = 100_000  # lengths a dataset for the test


@dataclass(frozen=True)
class DocumentDifference:
    """Documents by content: those of both, those of one alone, and some of these as (row, segment)."""

    same_examples: tuple[tuple[Place, Place], ...]  # of both: where it is in the first, and in the second

    same: int
    removed: int  # only in the first
    added: int  # only in the second
    removed_examples: tuple[Place, ...]
    added_examples: tuple[Place, ...]


@dataclass(frozen=True)
class LengthTest:
    """Segment lengths of one source in both datasets."""

    source: str
    medians: tuple[int, int]
    statistic: float  # Kolmogorov-Smirnov
    p: float
    segments: tuple[int, int]


def config_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Lines of the difference of two configurations: (` `, `-` or `+`; the line); empty for equal ones."""
    old, new = (yaml.safe_dump(dict(each), sort_keys=False, allow_unicode=True) for each in (before, after))
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2))[2:]
    return [(line[:1], line[1:]) for line in lines]


def length_tests(before: Manifest, after: Manifest) -> list[LengthTest]:
    """Compare segment lengths of the sources that both have."""
    from scipy.stats import ks_2samp  # takes seconds to import

    found = []
    for name, source in before.statistics.sources.items():
        other = after.statistics.sources.get(name)
        if other is None or not source.lengths or not other.lengths:
            continue
        left, right = _lengths(source.lengths), _lengths(other.lengths)
        result: Any = ks_2samp(left, right, method="asymp") if source.lengths != other.lengths else (0.0, 1.0)
        medians = int(np.median(left)), int(np.median(right))
        counts = sum(source.lengths.values()), sum(other.lengths.values())
        found.append(LengthTest(name, medians, float(result[0]), float(result[1]), counts))
    return found


def _lengths(counts: Mapping[int, int]) -> npt.NDArray[np.int64]:
    """Lengths by their counts; of very many, evenly spaced quantiles."""
    values = np.array(sorted(counts))
    repeats = np.array([counts[value] for value in values.tolist()])
    total = int(repeats.sum())
    if total <= DRAWN:
        return np.asarray(np.repeat(values, repeats))
    places = (np.arange(DRAWN) + 0.5) / DRAWN * total
    return np.asarray(values[np.searchsorted(np.cumsum(repeats), places, side="right")])


def mix_divergence(before: Manifest, after: Manifest) -> float:
    """Jensen-Shannon divergence of the shares of tokens by source and modality, in bits: 0 is the same mix."""
    sides = []
    for manifest in (before, after):
        counts = {(s, m): n for s, each in manifest.statistics.sources.items() for m, n in each.tokens.items()}
        whole = sum(counts.values()) or 1
        sides.append({key: count / whole for key, count in counts.items()})
    total = 0.0
    for key in set(sides[0]) | set(sides[1]):
        p, q = sides[0].get(key, 0.0), sides[1].get(key, 0.0)
        middle = (p + q) / 2
        total += sum(0.5 * share * float(np.log2(share / middle)) for share in (p, q) if share)
    return max(0.0, total)


def document_difference(before: BrowsedDataset, after: BrowsedDataset, seed: int = 0) -> DocumentDifference | None:
    """Compare two datasets document by document, by content; None where they are too large or have no content hash.

    Args:
        before: The first dataset.
        after: The second dataset.
        seed: Seed of the examples.
    """
    for each in (before, after):
        documents = sum(source.samples for source in each.manifest.statistics.sources.values())
        if documents > MOST_DOCUMENTS or not each.manifest.has_content:
            return None
    left, right = _contents(before), _contents(after)
    only_left, only_right = ~np.isin(left[0], right[0]), ~np.isin(right[0], left[0])
    draw = np.random.default_rng(seed)
    return DocumentDifference(
        same_examples=_pairs(left, right, _drawn(~only_left, draw)),
        same=int((~only_left).sum()),
        removed=int(only_left.sum()),
        added=int(only_right.sum()),
        removed_examples=_places(left, _drawn(only_left, draw)),
        added_examples=_places(right, _drawn(only_right, draw)),
    )


Contents = tuple[npt.NDArray[np.void], npt.NDArray[np.int64], npt.NDArray[np.int32]]


def _contents(dataset: BrowsedDataset) -> Contents:
    """Content hash, row and segment number of the first segment of every document."""
    hashes, rows, numbers = [], [], []
    for shard in range(len(dataset.shards)):
        lists = dataset.part(shard, 0, dataset.shard(shard).rows, ["segments"]).column(0)
        segments, offsets = lists.flatten(), lists.offsets.to_numpy()
        first = np.flatnonzero(pc.equal(segments.field("offset"), 0).to_numpy(zero_copy_only=False))
        row = np.searchsorted(offsets, first, side="right") - 1
        content = segments.field("content").take(pa.array(first))
        hashes.append(np.frombuffer(b"".join(content.to_pylist()), "V16"))
        rows.append(dataset.first_row(shard) + row)
        numbers.append((first - offsets[row] + 1).astype(np.int32))
    if not hashes:
        return np.zeros(0, "V16"), np.zeros(0, np.int64), np.zeros(0, np.int32)
    return np.concatenate(hashes), np.concatenate(rows), np.concatenate(numbers)


def _drawn(chosen: npt.NDArray[np.bool_], draw: np.random.Generator) -> list[int]:
    """Draw some of the documents that are chosen, in the order of the dataset."""
    at = np.flatnonzero(chosen)
    numbers: list[int] = np.sort(draw.choice(at, min(EXAMPLES, len(at)), replace=False)).tolist()
    return numbers


def _places(contents: Contents, numbers: Iterable[int]) -> tuple[Place, ...]:
    return tuple((int(contents[1][i]), int(contents[2][i])) for i in numbers)


def _pairs(left: Contents, right: Contents, numbers: list[int]) -> tuple[tuple[Place, Place], ...]:
    """Where some documents of the first dataset are in both."""
    others = [int(np.flatnonzero(right[0] == left[0][i])[0]) for i in numbers]
    return tuple(zip(_places(left, numbers), _places(right, others), strict=True))
