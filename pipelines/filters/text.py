"""Text filters that count: lengths, and symbols in place of words.

Each is a function of its config, a RAW table and the run's limits; it yields the rows to drop, with a detail for the
ledger.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.filters.text import SymbolRatio, TextLength
from ...schemas.config.run import Limits

RowsToDrop = Iterator[tuple[int, str]]
Floats = npt.NDArray[np.float64]

# Arrow searches on after a match, where ^ matches again, so patterns with ^ match the rest of their line.
WORD = r"[^\s\v\x{85}\p{Z}]"
LINE = r"\S[^\n]*"
BULLET_LINE = r"(?m)^[ \t]*[-*•‣⁃◦▪●○■·][^\n]*"
ELLIPSIS_LINE = r"(?:\.\.\.|…)[ \t\r]*(?:\n|$)"


def text_length(config: TextLength, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by length; characters are Unicode code points, words are split at white space."""
    if config.min_chars is not None or config.max_chars is not None:
        lengths = pc.utf8_length(table["text"]).to_numpy()
        yield from _outside(lengths, config.min_chars, config.max_chars, "characters")
    if config.min_words is not None or config.max_words is not None:
        yield from _outside(_count(table, f"{WORD}+"), config.min_words, config.max_words, "words")


def _outside(counts: Floats, least: int | None, most: int | None, what: str) -> RowsToDrop:
    if least is not None:
        for row in np.flatnonzero(counts < least).tolist():
            yield row, f"{counts[row]:.0f} {what}, fewer than {least}"
    if most is not None:
        for row in np.flatnonzero(counts > most).tolist():
            yield row, f"{counts[row]:.0f} {what}, more than {most}"


def symbol_ratio(config: SymbolRatio, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by the symbol rules of Rae et al. 2021 (https://arxiv.org/abs/2112.11446), appendix A.1.1."""
    words = np.maximum(_count(table, f"{WORD}+"), 1)
    for what, pattern in (("hash signs", "#"), ("ellipses", r"\.\.\.|…")):
        yield from above(_count(table, pattern) / words, config.max_symbols, f"{what} a word")
    lines = np.maximum(_count(table, LINE), 1)
    yield from above(_count(table, BULLET_LINE) / lines, config.max_bullet_lines, "of the lines begin with a bullet")
    ending = _count(table, ELLIPSIS_LINE) / lines
    yield from above(ending, config.max_ellipsis_lines, "of the lines end with an ellipsis")
    alphabetic = _count(table, rf"\p{{L}}{WORD}*") / words
    for row in np.flatnonzero(alphabetic < config.min_alphabetic).tolist():
        yield row, f"{alphabetic[row]:.2f} of the words have a letter, less than {config.min_alphabetic:g}"


def _count(table: pa.Table, pattern: str) -> Floats:
    """Return the (n,) number of matches of a pattern in each text."""
    counts: Floats = pc.count_substring_regex(table["text"], pattern).to_numpy().astype(np.float64)
    return counts


def above(shares: Floats, most: float, what: str) -> RowsToDrop:
    """Yield the rows whose share is above `most`; `what` names the share in the detail."""
    for row in np.flatnonzero(shares > most).tolist():
        yield row, f"{shares[row]:.2f} {what}, more than {most:g}"
