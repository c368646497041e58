"""Tasks: what a segment is used for, and the role of each of its modalities.

The modality that a task predicts is noised. The modality that it starts from is given: all of it is visible, or, with
the probability of condition dropout, all of it is hidden behind MASK tokens that are not predicted, which trains the
unconditional model that guidance needs. A third modality (of a sample with image and audio) is hidden. The tasks
`joint` and `text` noise every modality of the segment.

Shapes are named by suffix: S segments, M modalities, T tasks.
"""

from enum import IntEnum

import torch

from ...schemas.config.model import MaskedObjective, Task
from ...schemas.vocabulary import Kind, Modality
from ..keyed_random import RandomStream, uniform
from .batch import Batch

TASKS = tuple(Task)
MODALITIES = (Modality.TEXT, Modality.IMAGE, Modality.AUDIO)


class Role(IntEnum):
    """How a task uses a modality."""

    NOISED = 0
    GIVEN = 1
    HIDDEN = 2


def draw_tasks(batch: Batch, objective: MaskedObjective, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw each segment's task, and whether its condition is dropped.

    Args:
        batch: Clean rows.
        objective: Probabilities of the tasks for each kind of segment, and of condition dropout.
        seed: Seed of the run.

    Returns:
        Index into TASKS (S,), int64, and whether the condition is dropped (S,), bool.
    """
    device = batch.row_S.device
    key = (batch.epoch_B[batch.row_S], batch.row_B[batch.row_S], batch.number_S)
    chances = [[objective.tasks[kind].get(task, 0.0) for task in TASKS] for kind in Kind]
    ends_KT = torch.tensor(chances, dtype=torch.float64, device=device).cumsum(-1)
    ends_ST = (ends_KT / ends_KT[:, -1:])[batch.kind_S.long()]
    task_S = (uniform(seed, RandomStream.TASK, *key)[:, None] >= ends_ST).sum(-1)
    conditional_S = torch.tensor([task.given is not None for task in TASKS], device=device)[task_S]
    return task_S, conditional_S & (uniform(seed, RandomStream.CONDITION_DROPOUT, *key) < objective.condition_dropout)


def roles(task_S: torch.Tensor, dropped_S: torch.Tensor) -> torch.Tensor:
    """Role of each modality in each segment, (S, M); also of modalities that the segment does not have."""
    table_TM = torch.tensor([[_role(task, modality) for modality in Modality] for task in TASKS], device=task_S.device)
    role_SM = table_TM[task_S]
    return torch.where(dropped_S[:, None] & (role_SM == Role.GIVEN), int(Role.HIDDEN), role_SM)


def _role(task: Task, modality: Modality) -> Role:
    if task.predicted is None or modality == task.predicted:
        return Role.NOISED
    return Role.GIVEN if modality == task.given else Role.HIDDEN
