"""Corrupt a clean batch: draw a task, a noise level and a mask for each segment.

Every draw has its own key, so the result does not depend on which process computes it. Only content is masked and
predicted. PAD is not, nor are structural tokens (task slot, BOI, EOI, BOA, EOA), which are known wherever the model is
used; EOS is content of a text. The work is cheap enough for the CPU, where the number of queries per slice is known
without waiting for a GPU.

Shapes are named by suffix: S segments, M modalities, T tokens of all rows, C copies of the batch.
"""

import torch

from ...schemas.config.model import AutoregressiveObjective, MaskedObjective, ObjectiveConfig, Task
from ...schemas.vocabulary import Kind
from ..keyed_random import RandomStream, bits
from ..network.slices import Slices
from .batch import Batch
from .masking import MaskDraws, draw_masks
from .noise_levels import RowPlacement, stratified_levels
from .noised_batch import Corruption, NoisedBatch, assemble, segment_index
from .tasks import TASKS, Role, draw_tasks, roles


def corrupt(
    batch: Batch, objective: ObjectiveConfig, slices: Slices, seed: int, placement: RowPlacement
) -> NoisedBatch:
    """Draw tasks and masks by (seed, epoch, row, segment, token) and apply them to copies of the rows.

    With anti-masking there are two copies; the second is masked where the first is not, and each has half the weight.
    The autoregressive control draws nothing: all pairs have the task `joint`, and each token is predicted from the
    position before it.

    Args:
        batch: Clean rows.
        objective: Masked or autoregressive objective of the run.
        slices: Slices of the vocabulary.
        seed: Seed of the run.
        placement: Position of the rows in their global batch, by which noise levels are stratified.

    Returns:
        The model's inputs with the weights and counts that the loss and the metrics need.
    """
    if isinstance(objective, AutoregressiveObjective):
        return assemble(batch, slices, _in_order(batch))
    task_S, dropped_S = draw_tasks(batch, objective, seed)
    return assemble(
        batch, slices, noised(batch, objective, seed, task_S, dropped_S, stratified_levels(batch, placement, seed))
    )


def noised(
    batch: Batch,
    objective: MaskedObjective,
    seed: int,
    task_S: torch.Tensor,
    dropped_S: torch.Tensor,
    level_S: torch.Tensor,
) -> Corruption:
    """Draw masks for given tasks and noise levels.

    Args:
        batch: Clean rows.
        objective: Masked objective.
        seed: Seed of the run.
        task_S: Index into TASKS of each segment, int64.
        dropped_S: Whether the condition of the segment is hidden, bool.
        level_S: Noise level of each segment in (0, 1), float64.

    Returns:
        Targets, masks and weights of one copy, or of two with anti-masking.
    """
    index_T, content_T = segment_index(batch), batch.slice_BL.flatten() > 0
    role_T = _role_of_tokens(batch, index_T, task_S, dropped_S)
    target_T, unseen_T = content_T & (role_T == Role.NOISED), content_T & (role_T == Role.HIDDEN)
    key = (batch.epoch_B[:, None], batch.row_B[:, None], batch.segment_BL, batch.position_BL)
    draw_T = bits(seed, RandomStream.MASK, *key).flatten()
    masks = draw_masks(objective, MaskDraws(index_T, target_T, draw_T, level_S))
    query_CT = torch.stack([mask.masked_T for mask in masks])
    weight_CS = torch.stack([mask.weight_S for mask in masks]) / len(masks)
    return Corruption(task_S, dropped_S, target_T, query_CT | unseen_T, query_CT, weight_CS, causal=False)


def target_counts(batch: Batch, objective: ObjectiveConfig, slices: Slices, seed: int) -> torch.Tensor:
    """How often each class of the head is a target of a batch, masked or not: int64, one a row of the head's weight.

    Args:
        batch: Clean rows.
        objective: Objective of the run; its tasks are drawn as `corrupt` draws them.
        slices: Slices of the vocabulary.
        seed: Seed of the run.
    """
    target_T = batch.slice_BL.flatten() > 0
    if isinstance(objective, MaskedObjective):
        tasks = draw_tasks(batch, objective, seed)
        target_T &= _role_of_tokens(batch, segment_index(batch), *tasks) == Role.NOISED
    slice_N = batch.slice_BL.flatten()[target_T].long()
    class_N = slices.class_of(batch.tokens_BL.flatten()[target_T].long(), slice_N)
    return torch.bincount(torch.tensor(slices.starts)[slice_N] + class_N, minlength=sum(slices.widths))


def _role_of_tokens(batch: Batch, index_T: torch.Tensor, task_S: torch.Tensor, dropped_S: torch.Tensor) -> torch.Tensor:
    role_SM = torch.nn.functional.pad(roles(task_S, dropped_S), (0, 0, 0, 1))  # a row for padding
    return role_SM[index_T, batch.modality_BL.flatten().long()]


def _in_order(batch: Batch) -> Corruption:
    """Query every content token from left to right, with nothing masked."""
    target_T = batch.slice_BL.flatten() > 0
    text_S = batch.kind_S == Kind.TEXT.code
    task_S = torch.where(text_S, TASKS.index(Task.TEXT), TASKS.index(Task.JOINT))
    weight_CS = torch.ones((1, len(task_S)), dtype=torch.float64, device=task_S.device)
    hidden_CT = torch.zeros_like(target_T)[None]
    return Corruption(task_S, torch.zeros_like(text_S), target_T, hidden_CT, target_T[None], weight_CS, causal=True)
