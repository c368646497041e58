"""Divides samples into segments that fit a row, splits long texts, and finds pairs that are too long."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.dataset.layout import TASK_SLOT, as_mask, code_lengths, content_lengths, ragged
from ...schemas.vocabulary import Kind, Modality

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Segments:
    """Segments in the order of their samples; a split text has several."""

    sample: Ints  # (segments,) index of the sample
    offset: Ints  # content tokens of the sample before this segment
    length: Ints  # tokens, task slot included
    last: npt.NDArray[np.bool_]  # False where the sample continues in the next segment
    too_long: Ints  # indices of pairs longer than a row, which are dropped
    needed: Ints  # (samples,) row length needed to hold each sample in one segment


def split_samples(samples: pa.Table, row_length: int) -> Segments:
    """Create segments of at most `row_length` tokens: texts are split every row_length - 1 tokens, pairs never."""
    content = content_lengths(samples)
    needed = content + TASK_SLOT
    plain = as_mask(pc.equal(samples["kind"], str(Kind.TEXT)))
    room = row_length - TASK_SLOT
    pieces = np.where(plain, -(-content // room), 1)
    too_long = np.flatnonzero(~plain & (needed > row_length))
    pieces[too_long] = 0
    sample = np.repeat(np.arange(len(content)), pieces)
    piece = ragged(np.zeros(len(pieces), np.int64), pieces)
    offset = piece * room
    length = np.minimum(content[sample] - offset, room) + TASK_SLOT
    return Segments(sample, offset, length, piece == pieces[sample] - 1, too_long, needed)


def code_tokens(samples: pa.Table, modality: Modality) -> Ints:
    """Return the (n,) number of codes in a modality; 0 where a sample has none."""
    return np.maximum(code_lengths(samples, modality), 0)


def text_bytes(samples: pa.Table, segments: Segments, token_bytes: npt.NDArray[np.int32]) -> Ints:
    """Return the UTF-8 bytes of each segment's text; those of a text's pieces sum to its size.

    The bytes of a split text are distributed by the lengths of its tokens, which is exact for tokenizers whose tokens
    have a fixed length in bytes.

    Args:
        samples: The samples.
        segments: Their segments.
        token_bytes: (vocabulary,) bytes of each text token.
    """
    whole = samples["text_bytes"].to_numpy()
    out: Ints = whole[segments.sample].copy()
    split = np.flatnonzero(~segments.last | (segments.offset > 0))
    if not split.size:
        return out
    column = samples["text"].combine_chunks()
    starts = column.offsets.to_numpy().astype(np.int64)
    codes = column.values.to_numpy()
    for sample in np.unique(segments.sample[split]).tolist():
        mine = slice(*np.searchsorted(segments.sample, [sample, sample + 1]))
        ends = np.cumsum(token_bytes[codes[starts[sample] : starts[sample + 1]]], dtype=np.int64)
        total = max(int(ends[-1]), 1)
        upto = np.minimum(segments.offset[mine] + segments.length[mine] - TASK_SLOT, len(ends)) - 1
        reached = ends[upto] * int(whole[sample]) // total
        out[mine] = np.diff(reached, prepend=0)
    return out
