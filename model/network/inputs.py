"""What a model reads and is asked: tokens as they are shown, and the places whose content it is to say.

Shapes are named by suffix: B rows, L tokens of a row, N places asked for.
"""

from dataclasses import dataclass, fields
from typing import Self

import torch


@dataclass(frozen=True)
class Inputs:
    """Packed rows with noise and tasks in them, and the questions, grouped by slice."""

    tokens_BL: torch.Tensor  # int64; MASK where the model is not to see
    segment_BL: torch.Tensor  # int32; as in Batch
    position_BL: torch.Tensor  # int32; as in Batch
    slice_BL: torch.Tensor  # int64; slice of what a place's state has to tell, 0 for nothing
    query_N: torch.Tensor  # int64; flat place (row × L + token) of the state that answers
    class_N: torch.Tensor  # int64; the right answer, as a class of its slice
    groups: tuple[tuple[int, int], ...]  # (slice, places), which N is made of in this order
    causal: bool  # a token sees its segment up to itself alone

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        moved = {k: v.to(device, non_blocking=True) for k, v in values.items() if isinstance(v, torch.Tensor)}
        return type(self)(**values | moved)
