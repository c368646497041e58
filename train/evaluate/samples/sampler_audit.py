"""Audit of the sampler: how far from a known distribution are the samples of each unmask rule, and how good they look.

Quality that is judged sample by sample, such as the share of correct samples or their likelihood, cannot show that a
sampler gives some outcomes too often: tokens that are unmasked together are drawn independently, which costs the
information that they have about each other, whatever the score by which they were chosen (Webb et al. 2026,
https://arxiv.org/abs/2609.20581). The total variation distance from the source shows it.

Shapes are named by suffix: A possible segments, S sampled segments.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

from ....model.network.slices import Slices
from ....model.sampling.sampler import sample
from ....schemas.config.sampling import SamplingConfig
from ....schemas.vocabulary import Modality
from .known_source import KnownSource

RULES: tuple[dict[str, Any], ...] = (
    {"rule": "first-hitting"},
    {"rule": "ancestral"},
    {"rule": "halton"},
    {"rule": "confidence"},
    {"rule": "confidence", "calibrate": True},
    {"rule": "entropy"},
    {"rule": "margin"},
    {"rule": "remdm-cap"},
    {"rule": "entropy-bounded"},
    {"rule": "threshold"},
)
AUDIO_RULES: tuple[dict[str, Any], ...] = (
    {"rule": "first-hitting", "codebook_penalty": 5.0},
    {"rule": "halton", "codebook_penalty": 5.0},
    {"rule": "confidence", "codebook_penalty": 5.0},
)
LIMITS: dict[str, tuple[str, tuple[float, ...]]] = {  # of the rules that have no number of steps
    "entropy-bounded": ("entropy_bound", (0.01, 0.1, 0.5, 2.0)),
    "threshold": ("threshold", (0.99, 0.9, 0.7, 0.5)),
}


class AuditResult(NamedTuple):
    """Samples of one setting beside the source."""

    settings: SamplingConfig
    calls: int  # of the model
    possible: float  # share of samples that the source can give
    bits: float | None  # mean bits per token of the possible samples under the source; None if there are none
    variation: float  # total variation distance between the frequencies of the samples and the source
    floor: float  # what that is for as many independent draws from the source, on average


def audit_configs(source: KnownSource, extra: dict[str, Any]) -> list[list[SamplingConfig]]:
    """The settings of each table: a rule at falling numbers of steps, or at looser limits.

    Args:
        source: Source to sample.
        extra: Other settings that all have.
    """
    length = source.codes_AN.shape[1]
    steps = sorted({length, *(max(1, round(length / share)) for share in (1.5, 2, 3)), 1}, reverse=True)
    audio = source.canvas(1).modality_T.eq(int(Modality.AUDIO)).any()
    tables = []
    for rule in RULES + (AUDIO_RULES if audio else ()):
        key, values = LIMITS.get(rule["rule"], ("steps", tuple(steps)))
        tables.append([SamplingConfig.model_validate({**extra, **rule, key: value}) for value in values])
    return tables


def audit(source: KnownSource, configs: Sequence[SamplingConfig], n: int, seed: int) -> Iterator[AuditResult]:
    """Sample a source with each setting by its exact predictor.

    Args:
        source: Source to sample.
        configs: Settings.
        n: Number of samples of each setting.
        seed: Seed of the samples.
    """
    canvas, slices = source.canvas(n), Slices.of(source.vocabulary)
    floor = expected_variation(source.chance_A, n)
    for config in configs:
        tokens_T, calls = sample(source.predict, canvas, slices, config, seed)
        index_S = source.index(tokens_T, canvas)
        found_S = index_S[index_S >= 0]
        found_S = found_S[source.chance_A[found_S] > 0]
        counts_A = torch.bincount(found_S, minlength=len(source.chance_A))
        lost = 1 - len(found_S) / n
        variation = (float((counts_A / n - source.chance_A).abs().sum()) + lost) / 2
        nats = -float(source.chance_A[found_S].log().mean()) if len(found_S) else None
        bits = None if nats is None else nats / math.log(2) / source.codes_AN.shape[1]
        yield AuditResult(config, calls, 1 - lost, bits, variation, floor)


def expected_variation(chance_A: torch.Tensor, n: int) -> float:
    """Mean total variation between a distribution and the frequencies of n draws from it.

    Half the sum of the mean absolute deviations of binomial counts, each by De Moivre's formula: 2 m C(n, m) p^m
    (1 - p)^(n - m + 1) / n with m = floor(np) + 1 (Diaconis and Zabell 1991, https://doi.org/10.1214/ss/1177011699).
    """
    p_A = chance_A[(chance_A > 0) & (chance_A < 1)]
    m_A = torch.floor(n * p_A) + 1
    choose_A = math.lgamma(n + 1) - torch.lgamma(m_A + 1) - torch.lgamma(n - m_A + 1)
    log_A = choose_A + m_A.log() + m_A * p_A.log() + (n - m_A + 1) * torch.log1p(-p_A)
    return float(log_A.exp().sum()) / n
