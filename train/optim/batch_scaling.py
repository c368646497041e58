"""How AdamW's settings follow from batch and horizon: the square-root rule of a stochastic differential equation.

With κ = (D_base / D)^γ · (B / B_base), D the tokens of the run and B those of a batch: lr·√κ, β^κ, eps/√κ and, as
PyTorch multiplies it by lr, weight decay·√κ. γ = 0 is Malladi et al. (2022), γ = 1 keeps the horizon's noise constant;
0.44 is the fit that reading notes of arXiv 2602.21472 report for its schedule, data and shape.
"""

from dataclasses import dataclass
from math import sqrt

from ...schemas.config.training import OptimizerConfig


@dataclass(frozen=True)
class AdamSettings:
    """AdamW's, before a parameter's type is considered."""

    lr: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float


def kappa(config: OptimizerConfig, batch_tokens: int, steps: int) -> float:
    """κ of a run; 1 when the file names no base to scale from."""
    if config.base_batch_tokens is None or config.base_tokens is None:
        return 1.0
    horizon: float = (config.base_tokens / (batch_tokens * steps)) ** config.gamma
    return horizon * batch_tokens / config.base_batch_tokens


def scaled_settings(config: OptimizerConfig, batch_tokens: int, steps: int) -> AdamSettings:
    """The settings of a run of so many steps of so many tokens."""
    k = kappa(config, batch_tokens, steps)
    first, second = config.betas
    return AdamSettings(config.lr * sqrt(k), (first**k, second**k), config.eps / sqrt(k), config.weight_decay * sqrt(k))


def batch_warning(config: OptimizerConfig, batch_tokens: int, steps: int) -> str | None:
    """What to say when the batch is beyond B_crit = D / S_crit, where the rule breaks down: too few steps are left."""
    if config.base_batch_tokens is None or steps >= config.critical_steps:
        return None
    critical = batch_tokens * steps // config.critical_steps
    return (
        f"{steps:,} steps are fewer than `critical_steps: {config.critical_steps}`, so the batch of {batch_tokens:,} "
        f"tokens is beyond the critical one of {critical:,}, and the loss is likely to suffer; take a smaller batch"
    )
