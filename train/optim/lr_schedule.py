"""The learning rate over a run, as a share of its height."""

from math import cos, pi

from ...schemas.config.training import OptimizerConfig


def warmup_steps(config: OptimizerConfig, steps: int) -> int:
    """Steps of rising learning rate: as configured, but at most a quarter of the run."""
    return max(min(config.warmup, steps // 4), 1)


def lr_factor(config: OptimizerConfig, step: int, steps: int) -> float:
    """Share of the learning rate at `step`, from 0, of `steps`.

    It rises linearly, then falls by half a cosine, or stays (wsd) and falls linearly at the end; to `final`.
    """
    rise = warmup_steps(config, steps)
    if step < rise:
        return (step + 1) / rise
    fall = rise if config.schedule == "cosine" else max(rise, steps - round(config.decay * steps))
    done = min(max(step - fall, 0) / max(steps - fall, 1), 1.0)
    left = (1 + cos(pi * done)) / 2 if config.schedule == "cosine" else 1 - done
    return config.final + (1 - config.final) * left
