"""Scaling of the optimizers' settings with batch size and token horizon: the SDE rules.

For AdamW it is the square-root rule. With kappa = (D_base / D)^gamma * (B / B_base), where D is the number of tokens of
the run and B that of a batch: lr * sqrt(kappa), beta^kappa, eps / sqrt(kappa) and, because PyTorch multiplies it by lr,
weight decay * sqrt(kappa). gamma = 0 is the rule of Malladi et al. (2022, https://arxiv.org/abs/2205.10287); gamma = 1
keeps the noise over the horizon constant. The default of 0.44 is a fit that was reported for
https://arxiv.org/abs/2602.21472, for its learning rate schedule, data and shape.

The second moment has a half-life in tokens (Marek et al. 2025, https://arxiv.org/abs/2507.07101) unless its decay per
step is given: a decay that suits large batches forgets rare tokens between two small batches that have them.

Muon normalizes the mean of gradients, not each gradient, and so has a rule of its own, which is derived here and not
taken from a publication. Where noise dominates, the matrix that is normalized is signal + noise, of which the variance
of the noise is V(beta) / B: V(beta) is the sum of the squared weights that the momentum gives to past gradients. An
update then moves by signal / sqrt(V / B). For the same motion and the same diffusion in tokens, lr becomes
lr * sqrt(kappa * V(beta^kappa) / V(beta)) with momentum beta^kappa, and lr * weight decay is multiplied by kappa. That
is about lr * kappa as long as the mean spans several steps, and turns into lr * sqrt(kappa) when it spans one.
"""

from dataclasses import dataclass
from math import sqrt

from ...schemas.config.training import OptimizerConfig


@dataclass(frozen=True)
class MuonSettings:
    """Settings of Muon, before the factors of depth are applied."""

    lr: float
    momentum: float
    weight_decay: float


@dataclass(frozen=True)
class AdamSettings:
    """Settings of AdamW, before the factors of parameter types are applied, and of Muon where it has the matrices."""

    lr: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    muon: MuonSettings | None = None


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
    """Settings of the optimizers for a run; arguments as for `kappa`."""
    k = kappa(config, batch_tokens, steps)
    first, second = config.betas
    if config.beta2_half_life is not None:
        second = 0.5 ** ((config.base_batch_tokens or batch_tokens) / config.beta2_half_life)
    return AdamSettings(
        lr=config.lr * sqrt(k),
        betas=(first**k, second**k),
        eps=config.eps / sqrt(k),
        weight_decay=config.weight_decay * sqrt(k),
        muon=_scaled_muon(config, k) if config.kind == "muon" else None,
    )


def _scaled_muon(config: OptimizerConfig, k: float) -> MuonSettings:
    momentum = config.momentum**k
    factor = sqrt(k * _noise(momentum) / _noise(config.momentum))
    return MuonSettings(config.matrix_lr * factor, momentum, config.weight_decay * k / factor)


def _noise(momentum: float) -> float:
    """Sum of the squared weights that Nesterov momentum gives to the gradients of past steps."""
    now, decay = (1 - momentum) * (1 + momentum), momentum**2
    return now**2 + (1 - momentum) ** 2 * decay**2 / (1 - decay)


def batch_warning(config: OptimizerConfig, batch_tokens: int, steps: int) -> str | None:
    """Warn if the batch exceeds the critical batch B_crit = D / S_crit, beyond which the rule does not hold."""
    if config.base_batch_tokens is None or steps >= config.critical_steps:
        return None
    critical = batch_tokens * steps // config.critical_steps
    return (
        f"{steps:,} steps are fewer than `critical_steps: {config.critical_steps}`, so the batch of {batch_tokens:,} "
        f"tokens is beyond the critical one of {critical:,}, and the loss is likely to suffer; take a smaller batch"
    )
