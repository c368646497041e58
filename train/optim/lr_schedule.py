"""Learning-rate schedule: the learning rate as a fraction of its peak."""

from math import cos, pi

from ...schemas.config.training import OptimizerConfig


def warmup_steps(config: OptimizerConfig, steps: int) -> int:
    """Number of warm-up steps: as configured, but at most a quarter of the run."""
    return max(min(config.warmup, steps // 4), 1)


def lr_factor(config: OptimizerConfig, step: int, steps: int) -> float:
    """Learning rate at a step, as a fraction of the peak.

    It rises linearly during warm-up. Then it follows half a cosine (`cosine`), or stays constant and falls linearly at
    the end (`wsd`), down to the fraction `final`.

    Args:
        config: Optimizer block of the train file.
        step: Step, counted from 0.
        steps: Steps of the run.
    """
    rise = warmup_steps(config, steps)
    if step < rise:
        return (step + 1) / rise
    fall = rise if config.schedule == "cosine" else max(rise, steps - round(config.decay * steps))
    done = min(max(step - fall, 0) / max(steps - fall, 1), 1.0)
    left = (1 + cos(pi * done)) / 2 if config.schedule == "cosine" else 1 - done
    return config.final + (1 - config.final) * left
