"""Inputs of the model: corrupted tokens, and the positions that are queried.

Shapes are named by suffix: B rows, L tokens per row, N queried positions, P frames, J codebooks after the first.
"""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import torch


class Frames(NamedTuple):
    """Frames of audio that have one position each (model/network/frames.py)."""

    at_P: torch.Tensor  # int64; flat index of the position, which itself holds the code of the first codebook
    rest_PJ: torch.Tensor  # int64; codes of the other codebooks, MASK where one is hidden


@dataclass(frozen=True)
class Inputs:
    """Packed rows with tasks and masks applied, and the queried positions grouped by slice."""

    tokens_BL: torch.Tensor  # int64; MASK where the token is hidden
    segment_BL: torch.Tensor  # int32; as in Batch
    position_BL: torch.Tensor  # int32; as in Batch
    slice_BL: torch.Tensor  # int64; slice of the token that a position stands for or predicts; 0: none
    query_N: torch.Tensor  # int64; flat index (row * L + position) of the state that predicts
    class_N: torch.Tensor  # int64; the right class, counted within its slice
    groups: tuple[tuple[int, int], ...]  # (slice, number of queries), in the order of N
    causal: bool  # whether a token attends only to itself and earlier tokens
    frames: Frames | None = None  # None: each code has a position of its own

    def to(self, device: torch.device | str) -> Self:
        """Copy all tensors to a device."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        moved: dict[str, Any] = {
            k: v.to(device, non_blocking=True) for k, v in values.items() if isinstance(v, torch.Tensor)
        }
        if self.frames is not None:
            moved["frames"] = Frames(*(column.to(device, non_blocking=True) for column in self.frames))
        return type(self)(**values | moved)
