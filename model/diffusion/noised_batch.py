"""A batch with tasks and noise: the model's inputs, and what turns its outputs into losses and metrics.

Shapes are named by suffix: B rows, L tokens per row, T = B * L, S segments, M modalities, C copies of the batch, N
queried positions.
"""

from dataclasses import dataclass, fields
from typing import Self

import torch

from ...schemas.vocabulary import Modality, Special
from ..network.inputs import Inputs
from ..network.slices import Slices
from .batch import Batch
from .tasks import TASKS


@dataclass(frozen=True)
class NoisedBatch:
    """Rows with tasks and masks applied; `inputs` has C * B rows, one copy of the batch after another."""

    inputs: Inputs
    weight_N: torch.Tensor  # float32; the sum of weight * nats estimates the nats of all targets of the batch
    share_N: torch.Tensor  # float32; share of the segment's targets that are masked in this copy
    modality_N: torch.Tensor  # int64
    segment_N: torch.Tensor  # int64; index into S
    targets_SM: torch.Tensor  # int64; tokens that the task predicts, masked in this batch or not
    sizes_SM: torch.Tensor  # int64; UTF-8 bytes, pixels and audio samples that the targets stand for
    task_S: torch.Tensor  # int64; index into TASKS
    dropped_S: torch.Tensor  # bool; the condition is hidden

    @property
    def targets(self) -> torch.Tensor:
        """Number of targets; the loss is divided by their sum over the global batch, never by that of a micro-batch."""
        return self.targets_SM.sum()

    def to(self, device: torch.device | str) -> Self:
        """Copy all tensors to a device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


@dataclass(frozen=True)
class Corruption:
    """Tasks, masks and weights that were drawn for the tokens of a batch."""

    task_S: torch.Tensor
    dropped_S: torch.Tensor
    target_T: torch.Tensor  # bool; predicted by the segment's task
    hidden_CT: torch.Tensor  # bool; the model's input is MASK
    query_CT: torch.Tensor  # bool; predicted in this copy (causal: from the position before it)
    weight_CS: torch.Tensor  # float64; weight of a segment's queried tokens
    causal: bool


def segment_index(batch: Batch) -> torch.Tensor:
    """Index into S of each token, int64 (T,); S for padding."""
    rows = torch.arange(len(batch.tokens_BL), device=batch.row_S.device)
    first_B = torch.searchsorted(batch.row_S, rows)
    index_BL = first_B[:, None] + batch.segment_BL - 1
    return torch.where(batch.segment_BL == 0, len(batch.row_S), index_BL).flatten()


def assemble(batch: Batch, slices: Slices, corruption: Corruption) -> NoisedBatch:
    """Write task tokens and masks into copies of the rows, and list the queried positions by slice.

    Args:
        batch: Clean rows.
        slices: Slices of the vocabulary.
        corruption: What was drawn for the batch.

    Returns:
        The model's inputs, with the weights and counts of their queries.
    """
    index_T, modality_T, slice_T = (
        segment_index(batch),
        batch.modality_BL.flatten().long(),
        batch.slice_BL.flatten().long(),
    )
    flat_N = corruption.query_CT.flatten().nonzero()[:, 0]
    flat_N = flat_N[slice_T[flat_N % len(slice_T)].argsort(stable=True)]
    copy_N, token_N = flat_N // len(slice_T), flat_N % len(slice_T)
    counts = torch.bincount(slice_T[token_N], minlength=len(slices.widths)).tolist()
    targets_SM = _count_tokens(index_T, modality_T, corruption.target_T, len(batch.row_S))
    return NoisedBatch(
        inputs=Inputs(
            tokens_BL=_input_tokens(batch, corruption),
            segment_BL=_repeat_copies(batch.segment_BL, corruption),
            position_BL=_repeat_copies(batch.position_BL, corruption),
            slice_BL=_repeat_copies(
                _shift_left(batch.slice_BL) if corruption.causal else batch.slice_BL, corruption
            ).long(),
            query_N=flat_N - int(corruption.causal),
            class_N=slices.class_of(batch.tokens_BL.flatten()[token_N], slice_T[token_N]),
            groups=tuple((index, count) for index, count in enumerate(counts) if count),
            causal=corruption.causal,
        ),
        weight_N=corruption.weight_CS[copy_N, index_T[token_N]].float(),
        share_N=_masked_share(copy_N * len(batch.row_S) + index_T[token_N], targets_SM),
        modality_N=modality_T[token_N],
        segment_N=index_T[token_N],
        targets_SM=targets_SM,
        sizes_SM=_sizes(batch) * (targets_SM > 0),
        task_S=corruption.task_S,
        dropped_S=corruption.dropped_S,
    )


def _input_tokens(batch: Batch, corruption: Corruption) -> torch.Tensor:
    specials = torch.tensor([int(task.special) for task in TASKS], device=batch.tokens_BL.device)
    tokens_BL = batch.tokens_BL.clone()
    tokens_BL[batch.row_S, batch.start_S] = specials[corruption.task_S]
    shown_CT = torch.where(corruption.hidden_CT, int(Special.MASK), tokens_BL.flatten())
    return shown_CT.view(-1, tokens_BL.shape[1])


def _repeat_copies(x_BL: torch.Tensor, corruption: Corruption) -> torch.Tensor:
    return x_BL.repeat(len(corruption.query_CT), 1)


def _shift_left(x_BL: torch.Tensor) -> torch.Tensor:
    """The value at the next position of the row; 0 at its end."""
    return torch.nn.functional.pad(x_BL[:, 1:], (0, 1))


def _count_tokens(
    index_T: torch.Tensor, modality_T: torch.Tensor, chosen_T: torch.Tensor, segments: int
) -> torch.Tensor:
    """Number of chosen tokens, (S, M)."""
    cells = index_T[chosen_T] * len(Modality) + modality_T[chosen_T]
    return torch.bincount(cells, minlength=segments * len(Modality)).view(segments, len(Modality))


def _masked_share(cell_N: torch.Tensor, targets_SM: torch.Tensor) -> torch.Tensor:
    """Share of the targets of its segment that are queried in the copy of each query, by cell of (copy, segment)."""
    queried_N = torch.bincount(cell_N)[cell_N]
    return (queried_N / targets_SM.sum(-1)[cell_N % len(targets_SM)]).float()


def _sizes(batch: Batch) -> torch.Tensor:
    columns = {Modality.TEXT: batch.text_bytes_S, Modality.IMAGE: batch.pixels_S, Modality.AUDIO: batch.samples_S}
    return torch.stack([columns.get(modality, torch.zeros_like(batch.pixels_S)) for modality in Modality], -1)
