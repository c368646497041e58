"""How often each code of a codebook is used: counted over a bounded sample of rows, drawn by a seed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....schemas.dataset.statistics import codebook_name
from .blocks import draw_blocks
from .browsed import BrowsedDataset

SAMPLE_TOKENS = 16_000_000  # a few tenths of a second
CELLS = 2048  # of the heat strips of all codebooks together
LEVELS = 9


@dataclass(frozen=True)
class CodeUse:
    """Counts of the codes of one codebook."""

    name: str
    counts: npt.NDArray[np.int64]  # (size,)
    cells: int  # most cells of its heat strip

    @property
    def strip(self) -> list[tuple[float, int, int]]:
        """At most `cells` neighbouring groups of codes: use of a code relative to an even one, first and last code."""
        total, size = int(self.counts.sum()), len(self.counts)
        edges = np.linspace(0, size, min(self.cells, size) + 1).astype(np.int64)
        sums = np.add.reduceat(self.counts, edges[:-1])
        even = total / size if total else 1.0
        return [
            (float(uses) / (int(stop - start) * even), int(start), int(stop) - 1)
            for uses, start, stop in zip(sums, edges[:-1], edges[1:], strict=True)
        ]

    @staticmethod
    def level(use: float) -> int:
        """Put a use into one of LEVELS steps of a factor of 10^(1/2), the middle one even use."""
        return int(np.clip(np.round(2 * np.log10(use)) + LEVELS // 2, 0, LEVELS - 1)) if use > 0 else 0


@dataclass(frozen=True)
class CodeUses:
    """Counts of all codebooks, and over how many of the dataset's rows."""

    books: tuple[CodeUse, ...]
    rows: int
    of: int


def code_uses(dataset: BrowsedDataset, tokens: int = SAMPLE_TOKENS, seed: int = 0) -> CodeUses:
    """Count codes, over all rows or over blocks of rows drawn without replacement.

    Args:
        dataset: The dataset.
        tokens: Number of tokens to count; more than the dataset has counts all.
        seed: Seed of the draw.
    """
    vocabulary = dataset.manifest.vocabulary
    uses, done = np.zeros(vocabulary.size, np.int64), 0
    for start, count in draw_blocks(dataset, max(1, tokens // dataset.manifest.row_length), seed):
        shard = dataset.shard_of(start)
        part = dataset.part(shard, start - dataset.first_row(shard), count, ["tokens"])
        ids = part.column("tokens").flatten().to_numpy()
        uses += np.bincount(ids, minlength=vocabulary.size)[: vocabulary.size]
        done += count
    cells = min(512, max(64, CELLS // len(vocabulary.slices[1:])))
    books = tuple(
        CodeUse(codebook_name(block.modality, block.codebook), uses[block.start : block.stop], cells)
        for block in vocabulary.slices[1:]
    )
    return CodeUses(books, done, dataset.rows)
