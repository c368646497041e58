"""Scaling of AdamW's settings with batch size and token horizon: the SDE square-root rule.

With kappa = (D_base / D)^gamma * (B / B_base), where D is the number of tokens of the run and B that of a batch: lr *
sqrt(kappa), beta^kappa, eps / sqrt(kappa) and, because PyTorch multiplies it by lr, weight decay * sqrt(kappa). gamma =
0 is the rule of Malladi et al. (2022, https://arxiv.org/abs/2205.10287); gamma = 1 keeps the noise over the horizon
constant. The default of 0.44 is a fit that was reported for https://arxiv.org/abs/2602.21472, for its learning rate
schedule, data and shape.
"""

from dataclasses import dataclass
from math import sqrt

from ...schemas.config.training import OptimizerConfig


@dataclass(frozen=True)
class AdamSettings:
    """Settings of AdamW, before the factors of parameter types are applied."""

    lr: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float


def kappa(config: OptimizerConfig, batch_tokens: int, steps: int) -> float:
    """Kappa of a run; 1 if the train file names no base to scale from.

    Args:
        config: Optimizer block of the train file.
        batch_tokens: Tokens of a global batch.
        steps: Steps of the run.
    """
    if config.base_batch_tokens is None or config.base_tokens is None:
        return 1.0
    horizon: float = (config.base_tokens / (batch_tokens * steps)) ** config.gamma
    return horizon * batch_tokens / config.base_batch_tokens


def scaled_settings(config: OptimizerConfig, batch_tokens: int, steps: int) -> AdamSettings:
    """Settings of AdamW for a run; arguments as for `kappa`."""
    k = kappa(config, batch_tokens, steps)
    first, second = config.betas
    return AdamSettings(config.lr * sqrt(k), (first**k, second**k), config.eps / sqrt(k), config.weight_decay * sqrt(k))


def batch_warning(config: OptimizerConfig, batch_tokens: int, steps: int) -> str | None:
    """Warn if the batch exceeds the critical batch B_crit = D / S_crit, beyond which the rule does not hold."""
    if config.base_batch_tokens is None or steps >= config.critical_steps:
        return None
    critical = batch_tokens * steps // config.critical_steps
    return (
        f"{steps:,} steps are fewer than `critical_steps: {config.critical_steps}`, so the batch of {batch_tokens:,} "
        f"tokens is beyond the critical one of {critical:,}, and the loss is likely to suffer; take a smaller batch"
    )
