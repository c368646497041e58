"""Canvas: segments with target positions, which the sampler fills and a likelihood scores.

Segments lie one after another in a single row, so segments of any length and task go through the model together without
padding; attention keeps them apart as in training.

Shapes are named by suffix: S segments, T tokens of all segments, N queried positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import pyarrow as pa
import torch

from ...schemas.config.model import Task
from ...schemas.dataset.layout import content, ragged
from ...schemas.vocabulary import Modality, Special, Vocabulary
from ..diffusion.tasks import TASKS, Role, roles
from ..network.inputs import Inputs
from ..network.slices import Slices, slice_table


@dataclass(frozen=True)
class Canvas:
    """Segments with given tokens and target positions."""

    tokens_T: torch.Tensor  # int64; at target positions the right token, if there is one
    index_T: torch.Tensor  # int64; segment of each token, an index into S
    position_T: torch.Tensor  # int32; position in the segment, 0 at the task slot
    modality_T: torch.Tensor  # uint8
    slice_T: torch.Tensor  # int64; slice of each token; 0: structural token, never a target
    target_T: torch.Tensor  # bool; to be sampled or scored
    hidden_T: torch.Tensor  # bool; shown as MASK and not predicted
    given_T: torch.Tensor  # bool; condition of the task, which guidance hides
    key_S: torch.Tensor  # int64; random key of a segment: its draws depend on this, not on the other segments

    @property
    def masked_tokens(self) -> torch.Tensor:
        """Token ids with MASK at all target and hidden positions, int64 (T,)."""
        return torch.where(self.target_T | self.hidden_T, int(Special.MASK), self.tokens_T)

    def to(self, device: torch.device | str) -> Self:
        """Copy all tensors to a device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def canvas_of(
    samples: pa.Table, vocabulary: Vocabulary, tasks: Sequence[Task], keys: Sequence[int] | None = None
) -> Canvas:
    """Lay out samples as segments; the modality that a task predicts is the target, as in training.

    Args:
        samples: Table of the SAMPLE schema (schemas/dataset/tables.py). The codes of a target modality set its length;
            for a
            likelihood they are the right tokens.
        vocabulary: Id space of the model.
        tasks: Task of each sample.
        keys: Random key of each segment; 0, 1, 2, ... by default.

    Raises:
        ValueError: If codes lie outside their codebook.
    """
    packed = content(samples, vocabulary)
    lengths = np.diff(packed.offsets) + 1
    starts = np.cumsum(lengths) - lengths
    destination = ragged(starts + 1, lengths - 1)
    task_S = torch.tensor([TASKS.index(task) for task in tasks])
    tokens, modality = np.empty(lengths.sum(), np.int64), np.full(lengths.sum(), Modality.SPECIAL, np.uint8)
    tokens[starts] = [int(task.special) for task in tasks]
    tokens[destination], modality[destination] = packed.ids, packed.modality
    index_T = torch.from_numpy(np.repeat(np.arange(len(lengths)), lengths))
    modality_T = torch.from_numpy(modality)
    slice_T = torch.from_numpy(slice_table(vocabulary)[tokens].astype(np.int64))
    role_T = roles(task_S, torch.zeros(len(lengths), dtype=torch.bool))[index_T, modality_T.long()]
    content_T = slice_T > 0
    return Canvas(
        tokens_T=torch.from_numpy(tokens),
        index_T=index_T,
        position_T=torch.from_numpy(np.arange(lengths.sum()) - np.repeat(starts, lengths)).int(),
        modality_T=modality_T,
        slice_T=slice_T,
        target_T=content_T & (role_T == Role.NOISED),
        hidden_T=content_T & (role_T == Role.HIDDEN),
        given_T=content_T & (role_T == Role.GIVEN),
        key_S=torch.tensor(list(keys) if keys is not None else range(len(lengths)), dtype=torch.int64),
    )


def inputs_of(
    canvas: Canvas, slices: Slices, input_T: torch.Tensor, query_T: torch.Tensor, *, causal: bool = False
) -> tuple[Inputs, torch.Tensor]:
    """Build the model's inputs for some queried positions.

    Args:
        canvas: Segments; the right classes are those of `canvas.tokens_T`.
        slices: Slices of the model's vocabulary.
        input_T: Token ids as the model sees them.
        query_T: Positions to predict, bool.
        causal: For an autoregressive model, which predicts a token at the position before it.

    Returns:
        The inputs, and the queried positions as indices into T, int64 (N,), in the order of the model's outputs.
    """
    query_N = query_T.nonzero()[:, 0]
    query_N = query_N[canvas.slice_T[query_N].argsort(stable=True)]
    return inputs_at(canvas, slices, input_T, query_N, canvas.tokens_T[query_N], causal=causal), query_N


def inputs_at(
    canvas: Canvas,
    slices: Slices,
    input_T: torch.Tensor,
    query_N: torch.Tensor,
    token_N: torch.Tensor,
    *,
    causal: bool = False,
) -> Inputs:
    """Build the model's inputs for queries of some tokens at some positions.

    Args:
        canvas: Segments.
        slices: Slices of the model's vocabulary.
        input_T: Token ids as the model sees them.
        query_N: Queried positions, indices into T, in the order of their slices; one may occur several times.
        token_N: The right token of each query.
        causal: As for `inputs_of`.
    """
    slice_N = canvas.slice_T[query_N]
    counts = torch.bincount(slice_N, minlength=len(slices.widths)).tolist()
    slice_T = torch.nn.functional.pad(canvas.slice_T[1:], (0, 1)) if causal else canvas.slice_T
    return Inputs(
        tokens_BL=input_T[None],
        segment_BL=(canvas.index_T + 1).int()[None],
        position_BL=canvas.position_T[None],
        slice_BL=slice_T[None],
        query_N=query_N - int(causal),
        class_N=slices.class_of(token_N, slice_N),
        groups=tuple((index, count) for index, count in enumerate(counts) if count),
        causal=causal,
    )
