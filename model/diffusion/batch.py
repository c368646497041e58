"""What a model is given: packed rows as tensors, with all that noise, loss and logs need to know of their segments.

Shapes are named by suffix: B rows, L tokens of a row, S segments of all rows together, ordered by row and place.
"""

from dataclasses import dataclass, fields
from typing import Self

import torch


@dataclass(frozen=True)
class Batch:
    """Packed rows of one vocabulary, clean: neither tasks nor noise are drawn yet."""

    tokens_BL: torch.Tensor  # int64; a segment opens with Special.TASK, PAD follows the last one
    segment_BL: torch.Tensor  # int32; 0 is padding, else the number of the segment in its row, from 1
    modality_BL: torch.Tensor  # uint8; schemas.vocabulary.Modality of each position
    position_BL: torch.Tensor  # int32; place in the segment, from 0 at the task slot
    slice_BL: torch.Tensor  # int16; index into Vocabulary.slices of the ids that are possible here; 0: not predictable
    epoch_B: torch.Tensor  # int64; with `row_B` the key of a row's noise
    row_B: torch.Tensor  # int64; number of the row in the whole plan, the same in every epoch
    row_S: torch.Tensor  # int64; index into B
    number_S: torch.Tensor  # int64; as in `segment_BL`
    start_S: torch.Tensor  # int64
    length_S: torch.Tensor  # int64; task slot included
    kind_S: torch.Tensor  # uint8; schemas.vocabulary.Kind.code
    source_S: torch.Tensor  # int32; index into the plan's list of sources
    text_bytes_S: torch.Tensor  # int64
    pixels_S: torch.Tensor  # int64
    samples_S: torch.Tensor  # int64

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)})
