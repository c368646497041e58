"""How the learning rate goes on where a run is resumed with other settings."""

from ..schemas.config.training import TrainConfig
from .optim.batch_scaling import scaled_settings
from .optim.lr_schedule import lr_factor


def schedule_notes(before: TrainConfig, now: TrainConfig, step: int) -> list[str]:
    """Say what the learning rate was in the last step and is in the next one; empty if the schedule is the same.

    Args:
        before: Train file of the steps that are done.
        now: Train file of the steps to come.
        step: Steps that are done.
    """
    if not step or (before.steps, before.optimizer) == (now.steps, now.optimizer):
        return []
    was, then = _rate(before, step - 1), _rate(now, step)
    return [
        f"step {step:,}: the learning rate goes on at {then:.3g} ({now.optimizer.schedule} over {now.steps:,} steps); "
        f"in the step before it was {was:.3g} ({before.optimizer.schedule} over {before.steps:,} steps)"
    ]


def _rate(config: TrainConfig, step: int) -> float:
    tokens = config.data.batch_tokens // config.objective.copies  # as the trainer counts them: those of the rows
    return scaled_settings(config.optimizer, tokens, config.steps).lr * lr_factor(config.optimizer, step, config.steps)
