"""What a run drew for the rows of a batch: tasks and noise levels, which depend on positions alone."""

from dataclasses import fields
from typing import Any

import torch

from ...model.diffusion.batch import Batch
from ...model.diffusion.noise_levels import RowPlacement, stratified_levels
from ...model.diffusion.noise_schedules import schedule_of
from ...model.diffusion.tasks import TASKS, draw_tasks
from ...schemas.config.model import AutoregressiveObjective, Task
from ...schemas.config.training import TrainConfig
from ...schemas.vocabulary import Kind
from ..data.mix import Ints


def drawn(
    config: TrainConfig,
    epoch: Ints,
    number: Ints,
    segments: list[list[dict[str, Any]]],
    placement: RowPlacement,
) -> list[dict[str, Any]]:
    """Draw for each segment of some rows what training draws for it.

    Args:
        config: The train file.
        epoch: Epoch of each row (B,).
        number: Number of each row in the plan (B,).
        segments: Segments of each row that are trained on, in their order.
        placement: Place of the rows in their global batch.

    Returns:
        Of each segment, row after row: `task`; of a masked objective also `condition_dropped`, `level` (the noise level
        in (0, 1)) and `mask_rate`, the share of the predicted tokens that is masked, which exact-k rounds up.
    """
    flat = [segment for row in segments for segment in row]
    if isinstance(config.objective, AutoregressiveObjective):
        text = Kind.TEXT.code
        return [{"task": str(Task.TEXT if segment["kind"] == text else Task.JOINT)} for segment in flat]
    batch = _keys(epoch, number, segments)
    task, dropped = draw_tasks(batch, config.objective, config.seed)
    level = stratified_levels(batch, placement, config.seed)
    rate = schedule_of(config.objective).mask_rate(level)
    columns = (task.tolist(), dropped.tolist(), level.tolist(), rate.tolist())
    return [
        {"task": str(TASKS[each]), "condition_dropped": hidden, "level": noise, "mask_rate": share}
        for each, hidden, noise, share in zip(*columns, strict=True)
    ]


def _keys(epoch: Ints, number: Ints, segments: list[list[dict[str, Any]]]) -> Batch:
    """A batch with the keys of its draws, and without tokens."""
    counts = torch.tensor([len(row) for row in segments])
    row = torch.repeat_interleave(torch.arange(len(segments)), counts)
    first = torch.cumsum(counts, 0) - counts
    empty = {field.name: torch.zeros(0, dtype=torch.int64) for field in fields(Batch)}
    keys = {
        "epoch_B": torch.from_numpy(epoch),
        "row_B": torch.from_numpy(number),
        "row_S": row,
        "number_S": torch.arange(len(row)) - first[row] + 1,
        "kind_S": torch.tensor([each["kind"] for one in segments for each in one], dtype=torch.uint8),
    }
    return Batch(**(empty | keys))
