"""Segments of which a part is to be said: prompts for the sampler, questions for a likelihood.

They lie one after another in one long row, so that segments of any lengths and tasks go through the model together and
none is padded; attention keeps them apart, as it does in training.

Shapes are named by suffix: S segments, T tokens of all segments, N places asked for.
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
    """Segments, clean, and what of them is open: to be said, and unseen until it is."""

    tokens_T: torch.Tensor  # int64; where a place is open, the right answer if there is one
    index_T: torch.Tensor  # int64; index into S
    position_T: torch.Tensor  # int32; place in the segment, from 0 at the task slot
    modality_T: torch.Tensor  # uint8
    slice_T: torch.Tensor  # int64; 0: structure, never open
    target_T: torch.Tensor  # bool
    hidden_T: torch.Tensor  # bool; neither seen nor asked for
    given_T: torch.Tensor  # bool; the condition of the task, which guidance hides
    key_S: torch.Tensor  # int64; of a segment's noise: what is drawn depends on the key, not on who else is there

    @property
    def masked_tokens(self) -> torch.Tensor:
        """What the model sees while nothing has been said: MASK where a place is open or hidden."""
        return torch.where(self.target_T | self.hidden_T, int(Special.MASK), self.tokens_T)

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def canvas_of(
    samples: pa.Table, vocabulary: Vocabulary, tasks: Sequence[Task], keys: Sequence[int] | None = None
) -> Canvas:
    """Lay out SAMPLE rows, the n-th for the n-th task; what its task predicts is open, as in training.

    Codes of an open half say how long it is, and are the right answers of a likelihood. Keys default to 0, 1, ….
    Raises ValueError for codes outside their codebooks.
    """
    made = content(samples, vocabulary)
    lengths = np.diff(made.offsets) + 1
    starts = np.cumsum(lengths) - lengths
    to = ragged(starts + 1, lengths - 1)
    task_S = torch.tensor([TASKS.index(task) for task in tasks])
    tokens, modality = np.empty(lengths.sum(), np.int64), np.full(lengths.sum(), Modality.SPECIAL, np.uint8)
    tokens[starts] = [int(task.special) for task in tasks]
    tokens[to], modality[to] = made.ids, made.modality
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
    """The question what stands at the asked places (bool), and their numbers in T, int64 (N,), in the order of answers.

    Classes are those of `canvas.tokens_T`. An autoregressive model answers for a place at the place before it.
    """
    query_N = query_T.nonzero()[:, 0]
    query_N = query_N[canvas.slice_T[query_N].argsort(stable=True)]
    slice_N = canvas.slice_T[query_N]
    counts = torch.bincount(slice_N, minlength=len(slices.widths)).tolist()
    slice_T = torch.nn.functional.pad(canvas.slice_T[1:], (0, 1)) if causal else canvas.slice_T
    inputs = Inputs(
        tokens_BL=input_T[None],
        segment_BL=(canvas.index_T + 1).int()[None],
        position_BL=canvas.position_T[None],
        slice_BL=slice_T[None],
        query_N=query_N - int(causal),
        class_N=slices.class_of(canvas.tokens_T[query_N], slice_N),
        groups=tuple((index, count) for index, count in enumerate(counts) if count),
        causal=causal,
    )
    return inputs, query_N
