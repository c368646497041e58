"""Layout of a segment: from a sample's codes to token ids, and back.

A segment is `[task slot] [text… EOS] [BOI image… EOI] [BOA audio… EOA]`, with the parts of those modalities that its
kind has. The *content* of a sample is its segment without the task slot, which is added when rows are packed (a text
that is split into several segments has one slot in each). Spans cover codes only, not EOS, BOI, EOI, BOA, EOA.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..vocabulary import Kind, Modality, Special, Vocabulary
from .tables import sample_schema

TASK_SLOT = 1
# Number of tokens that frame the codes of a modality in a segment.
FRAME = {Modality.TEXT: 1, Modality.IMAGE: 2, Modality.AUDIO: 2}
_OPENING = {Modality.TEXT: None, Modality.IMAGE: Special.BOI, Modality.AUDIO: Special.BOA}
_CLOSING = {Modality.TEXT: Special.EOS, Modality.IMAGE: Special.EOI, Modality.AUDIO: Special.EOA}

Ints = npt.NDArray[np.int64]


def ragged(starts: npt.ArrayLike, lengths: npt.ArrayLike) -> Ints:
    """Concatenate the index ranges [start, start + length) of many runs.

    Args:
        starts: (n,) first index of each run.
        lengths: (n,) length of each run.

    Returns:
        (sum of lengths,) indices.
    """
    starts, lengths = np.asarray(starts, np.int64), np.asarray(lengths, np.int64)
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if ends.size else 0
    out: Ints = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return out


def as_mask(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Convert a boolean Arrow column to a NumPy mask."""
    bytes_ = column.cast(pa.uint8())
    flat = bytes_.combine_chunks() if isinstance(bytes_, pa.ChunkedArray) else bytes_
    mask: npt.NDArray[np.bool_] = flat.to_numpy().astype(bool)
    return mask


def code_lengths(samples: pa.Table, modality: Modality) -> Ints:
    """Return the (n,) number of codes of each sample in `modality`; -1 where its kind lacks the modality."""
    column = samples[modality.name.lower()].combine_chunks()
    lengths: Ints = np.diff(column.offsets.to_numpy()).astype(np.int64)
    lengths[as_mask(column.is_null())] = -1
    return lengths


def content_lengths(samples: pa.Table) -> Ints:
    """Return the (n,) tokens of each sample's content: codes and framing tokens, without the task slot."""
    total = np.zeros(samples.num_rows, np.int64)
    for modality, frame in FRAME.items():
        codes = code_lengths(samples, modality)
        total += np.where(codes < 0, 0, codes + frame)
    return total


@dataclass(frozen=True)
class Content:
    """The contents of many samples, concatenated."""

    ids: npt.NDArray[np.unsignedinteger]  # (tokens,)
    modality: npt.NDArray[np.uint8]  # (tokens,); EOS counts as text, the other framing tokens as special
    offsets: Ints  # (samples + 1,)
    span_starts: npt.NDArray[np.int64]  # (samples, 3) start of each modality's codes within the content
    span_lengths: npt.NDArray[np.int64]  # (samples, 3) codes of text, image, audio; -1 where absent


def content(samples: pa.Table, vocabulary: Vocabulary) -> Content:
    """Lay out the content of samples as token ids.

    Args:
        samples: Table with the columns of `sample_schema`.
        vocabulary: The id space.

    Raises:
        ValueError: A code is outside its codebook, or the codes of a clip do not form whole frames.
    """
    lengths = np.stack([code_lengths(samples, modality) for modality in FRAME], axis=1)
    present = lengths >= 0
    frames = np.where(present, list(FRAME.values()), 0)
    sizes = np.where(present, lengths, 0) + frames  # (samples, 3) tokens of each modality
    offsets = np.concatenate([[0], np.cumsum(sizes.sum(axis=1))])
    # codes begin after the modalities before them, and after the opening token that images and audio have
    span_starts = np.cumsum(sizes, axis=1) - sizes + (frames == 2)
    owner = _owners(lengths, frames)
    ids = np.zeros(offsets[-1], vocabulary.dtype)
    for part, modality in enumerate(FRAME):
        # masks need an eighth of the memory of index arrays, and are several times faster
        ids[owner == modality] = _ids_of(samples, modality, vocabulary, lengths[present[:, part], part])
    for part, modality in enumerate(FRAME):
        rows = present[:, part]
        starts = offsets[:-1][rows] + span_starts[rows, part]
        if (opening := _OPENING[modality]) is not None:
            ids[starts - 1] = opening
        ids[starts + lengths[rows, part]] = _CLOSING[modality]
        if modality is Modality.TEXT:
            owner[starts + lengths[rows, part]] = Modality.TEXT
    return Content(ids, owner, offsets, span_starts, lengths)


def _owners(lengths: Ints, frames: Ints) -> npt.NDArray[np.uint8]:
    """Return the modality of every token, SPECIAL for all framing tokens.

    Args:
        lengths: (samples, 3) codes, -1 where a sample lacks the modality.
        frames: (samples, 3) framing tokens.
    """
    opening = np.maximum(frames - 1, 0)
    counts = np.stack([opening, np.maximum(lengths, 0), frames - opening], axis=2).reshape(-1)
    special = np.full(len(FRAME), Modality.SPECIAL)
    pattern = np.stack([special, list(FRAME), special], axis=1).reshape(-1).astype(np.uint8)
    return np.repeat(np.tile(pattern, len(lengths)), counts)


def _ids_of(samples: pa.Table, modality: Modality, vocabulary: Vocabulary, lengths: Ints) -> npt.NDArray[np.integer]:
    codes: npt.NDArray[np.integer] = samples[modality.name.lower()].combine_chunks().flatten().to_numpy()
    if not codes.size:
        return codes
    if modality is not Modality.AUDIO:
        block = vocabulary.slice_of(modality)
        if codes.max() >= block.stop - block.start:
            raise ValueError(f"{modality.name.lower()} code {codes.max()} is outside its codebook of {block}")
        ids: npt.NDArray[np.integer] = codes.astype(vocabulary.dtype) + vocabulary.dtype.type(block.start)
        return ids
    levels = len(vocabulary.audio)
    if (lengths % levels).any():
        raise ValueError(f"a clip's codes must come in whole frames of {levels}")
    level = np.arange(codes.size) % levels
    if (codes >= np.array(vocabulary.audio)[level]).any():
        raise ValueError(f"an audio code is outside its codebook; sizes are {vocabulary.audio}")
    frames: Ints = codes.astype(np.int64) + vocabulary.audio_offsets(levels)[level]
    return frames


def codes_of_span(ids: npt.ArrayLike, modality: Modality, vocabulary: Vocabulary) -> Ints:
    """Convert the ids of a span to codes, the inverse of `content`; audio becomes (frames, levels)."""
    values: Ints = np.asarray(ids, np.int64)
    if modality is not Modality.AUDIO:
        return values - vocabulary.slice_of(modality).start
    levels = len(vocabulary.audio)
    frames: Ints = values.reshape(-1, levels) - vocabulary.audio_offsets(levels)
    return frames


def sample_table(
    kinds: Sequence[Kind],
    codes: Mapping[Modality, Sequence[Sequence[int] | None]],
    sizes: Mapping[str, int],
    ids: Sequence[bytes] | None = None,
) -> pa.Table:
    """Build a table of samples from plain lists of codes, for tests and tools. Origins are numbered."""
    n = len(kinds)
    columns: dict[str, Any] = dict.fromkeys(("text_bytes", "pixels", "samples"), [0] * n)
    columns |= {"id": ids or [i.to_bytes(16, "big") for i in range(n)], "row": list(range(n))}
    columns |= {"content": columns["id"], "media": [None] * n}
    columns |= {
        "license": [None] * n,
        "source": ["made"] * n,
        "kind": [str(kind) for kind in kinds],
        "file": ["made"] * n,
    }
    columns |= {modality.name.lower(): list(codes.get(modality, [None] * n)) for modality in FRAME}
    schema = sample_schema(sizes)
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)
