"""Packed rows as tensors, with everything that noise, loss and metrics need to know about their segments.

Shapes are named by suffix: B rows, L tokens per row, S segments of all rows, ordered by row and position.
"""

from dataclasses import dataclass, fields
from typing import Self

import torch


@dataclass(frozen=True)
class Batch:
    """Packed rows of one vocabulary, before tasks and noise are drawn."""

    tokens_BL: torch.Tensor  # int64; a segment opens with Special.TASK, PAD follows the last one
    segment_BL: torch.Tensor  # int32; 0 is padding, else the number of the segment in its row, from 1
    modality_BL: torch.Tensor  # uint8; schemas.vocabulary.Modality of each token
    position_BL: torch.Tensor  # int32; position in the segment, 0 at the task slot
    slice_BL: torch.Tensor  # int16; index into Vocabulary.slices of the ids allowed here; 0: never predicted
    epoch_B: torch.Tensor  # int64; together with `row_B` the key of a row's noise
    row_B: torch.Tensor  # int64; number of the row in the plan, the same in every epoch
    row_S: torch.Tensor  # int64; row of the segment, an index into B
    number_S: torch.Tensor  # int64; number of the segment in its row, as in `segment_BL`
    start_S: torch.Tensor  # int64; position of its task slot in the row
    length_S: torch.Tensor  # int64; tokens, task slot included
    kind_S: torch.Tensor  # uint8; schemas.vocabulary.Kind.code
    source_S: torch.Tensor  # int32; index into the plan's list of sources
    text_bytes_S: torch.Tensor  # int64; raw size of the text in UTF-8 bytes
    pixels_S: torch.Tensor  # int64; raw size of the image in pixels
    samples_S: torch.Tensor  # int64; raw length of the audio in samples

    def to(self, device: torch.device | str) -> Self:
        """Copy all tensors to a device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)})
