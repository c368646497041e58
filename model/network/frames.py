"""The parallel layout of audio: one position for a frame, whatever the number of its codebooks.

Packed rows have a position for each code of a frame. Here the codes of a frame are put together at one position: their
embeddings are summed, and each of them is predicted from the hidden state of that position, by the head of its
codebook (as in MusicGen's parallel pattern, https://arxiv.org/abs/2306.05284, and SoundStorm,
https://arxiv.org/abs/2305.09636). What is masked, weighted and counted stays a code, so the bound is that of the flat
layout; only the network behind it differs. Padding is left out, and the segments of all rows form a single row, so a
batch of clips gets shorter by the number of codebooks.

Shapes are named by suffix: B rows, L tokens per row, T tokens of all rows, P frames, J codebooks after the first, N
queried positions.
"""

from dataclasses import replace

import torch

from ...schemas.vocabulary import Special
from .inputs import Frames, Inputs

STEPS = 32  # lengths that a batch of one size can get, so that a compiled model sees few of them


def merge_frames(inputs: Inputs, first: int, codebooks: int) -> Inputs:
    """Put the codes of each frame at one position.

    Args:
        inputs: Packed rows in the flat layout; frames are whole, and their codes follow one another.
        first: Slice of the first codebook; those of the others follow.
        codebooks: Number of codebooks.

    Returns:
        The same segments and queries in a single row without padding but at its end.
    """
    rows, length = inputs.tokens_BL.shape
    slice_T, tokens_T = inputs.slice_BL.flatten(), inputs.tokens_BL.flatten()
    row_B1 = torch.arange(rows, device=tokens_T.device)[:, None]
    number_BL = torch.where(inputs.segment_BL > 0, inputs.segment_BL + row_B1 * (length + 1), 0)
    kept_T = (number_BL.flatten() > 0) & (slice_T <= first)
    place_T = kept_T.cumsum(0) - 1  # of each token in the new row; codes of a frame share that of the first
    start_T = torch.arange(rows * length, device=tokens_T.device) - inputs.position_BL.flatten()
    position_T = place_T - place_T[start_T]
    at_P = ((slice_T == first) & kept_T).nonzero()[:, 0]
    rest_J = torch.arange(1, codebooks, device=tokens_T.device)
    columns = (tokens_T, number_BL.flatten().int(), position_T.int(), slice_T)
    padding = (int(Special.PAD), 0, 0, 0)
    tokens, segment, position, slices = (
        _padded(column[kept_T], value, -(-rows * length // STEPS))
        for column, value in zip(columns, padding, strict=True)
    )
    return replace(
        inputs,
        tokens_BL=tokens,
        segment_BL=segment,
        position_BL=position,
        slice_BL=slices,
        query_N=place_T[inputs.query_N],
        frames=Frames(place_T[at_P], tokens_T[at_P[:, None] + rest_J]),
    )


def _padded(x_T: torch.Tensor, value: int, step: int) -> torch.Tensor:
    """A row (1, T) whose length is a multiple of a step, and not 0."""
    length = max(1, -(-len(x_T) // step)) * step
    return torch.nn.functional.pad(x_T, (0, length - len(x_T)), value=value)[None]
