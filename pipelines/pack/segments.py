"""From samples to segments: which fit a row, which texts are cut and where, which are too long."""

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
    """Segments in the order of their samples; a text cut in pieces has several."""

    sample: Ints  # (segments,) index of the sample
    offset: Ints  # content tokens of the sample before this segment
    length: Ints  # tokens, task slot included
    last: npt.NDArray[np.bool_]  # False where the sample goes on in the next segment
    too_long: Ints  # samples of which nothing is kept: a pair never spans rows
    needed: Ints  # (samples,) row length that would hold each sample whole


def cut(samples: pa.Table, row_length: int) -> Segments:
    """Segments of at most `row_length` tokens: plain text is cut every row_length - 1 tokens, pairs never."""
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
    """(n,) codes of a modality, 0 where a sample has none."""
    return np.maximum(code_lengths(samples, modality), 0)


def text_bytes(samples: pa.Table, segments: Segments, token_bytes: npt.NDArray[np.int32]) -> Ints:
    """UTF-8 bytes that each segment's text stands for; the pieces of a text sum to the whole.

    A cut text's bytes are shared out by the bytes its ids stand for, which is exact for tokenizers whose ids
    have a length of their own.
    """
    whole = samples["text_bytes"].to_numpy()
    out: Ints = whole[segments.sample].copy()
    cut_up = np.flatnonzero(~segments.last | (segments.offset > 0))
    if not cut_up.size:
        return out
    column = samples["text"].combine_chunks()
    starts = column.offsets.to_numpy().astype(np.int64)
    codes = column.values.to_numpy()
    for sample in np.unique(segments.sample[cut_up]).tolist():
        mine = slice(*np.searchsorted(segments.sample, [sample, sample + 1]))
        ends = np.cumsum(token_bytes[codes[starts[sample] : starts[sample + 1]]], dtype=np.int64)
        total = max(int(ends[-1]), 1)
        upto = np.minimum(segments.offset[mine] + segments.length[mine] - TASK_SLOT, len(ends)) - 1
        reached = ends[upto] * int(whole[sample]) // total
        out[mine] = np.diff(reached, prepend=0)
    return out
