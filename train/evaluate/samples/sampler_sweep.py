"""Compare sampling settings: cost, and quality of samples with the same seed.

Quality is the cost of the samples in bits per token under a scoring model: exact for an autoregressive run over the
same vocabulary, or the bound of a masked run, such as the run itself, which favours samples that the run is confident
of. It must be read together with the entropy of tokens within a sample, which falls where a rule repeats itself. Rules
are of equal quality only if both figures are equal.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from ....model.diffusion.tasks import MODALITIES
from ....model.sampling.canvas import Canvas
from ....schemas.config.model import Task
from ....schemas.config.sampling import SamplingConfig
from ....schemas.dataset.layout import codes_of_span
from ...generate.generator import Generator
from ...generate.samples import Codes, GeneratedSample
from ..likelihood.bound import bound
from ..likelihood.reader import ModelReader
from ..standard_errors import ratio_error
from .text import within_text_entropy

STEPS = (8, 16, 32, 64, 128)
RULES: tuple[dict[str, Any], ...] = (
    *({"rule": "confidence", "steps": steps} for steps in STEPS),
    *({"rule": "confidence", "steps": steps, "grid": "cosine"} for steps in (16, 64)),
    *({"rule": "confidence", "steps": steps, "grid": "cosine", "choice_temperature": 4.5} for steps in (16, 64)),
    *({"rule": "confidence", "steps": 64, "block": 32, "cache": cache} for cache in (False, True)),
    *({"rule": "first-hitting", "steps": steps} for steps in STEPS),
    *({"rule": "ancestral", "steps": steps} for steps in (16, 64)),
    *({"rule": "remdm-cap", "steps": steps} for steps in (64, 128)),
    *({"rule": "threshold", "threshold": least} for least in (0.5, 0.7, 0.9)),
    *({"rule": "entropy-bounded", "entropy_bound": nats} for nats in (0.1, 0.5, 1.0, 2.0)),
)
NORMAL = {"temperature": 1.0, "guidance": 0.0}


class SweepResult(NamedTuple):
    """Result of one sampling setting."""

    settings: SamplingConfig
    calls: int  # of the model
    seconds: float  # for all samples together
    bits: float  # per token, under the scoring model
    error: float | None  # standard error of `bits` over samples; None for fewer than three, and if all cost the same
    entropy: float  # unigram entropy within a sample in bits per token, mean over samples


def sweep_configs(temperatures: Sequence[float], guidances: Sequence[float]) -> list[SamplingConfig]:
    """Every rule at every temperature and guidance."""
    pairs = [{"temperature": t, "guidance": g} for t in temperatures for g in guidances]
    extras = [{key: value for key, value in pair.items() if value != NORMAL[key]} for pair in pairs]
    return [SamplingConfig.model_validate(rule | extra) for extra in extras for rule in RULES]


def sweep_samplers(
    generator: Generator,
    scorer: Generator,
    task: Task,
    codes: Sequence[Codes],
    configs: Sequence[SamplingConfig],
) -> Iterator[SweepResult]:
    """Generate samples with each setting and the same seed.

    Args:
        generator: Run to sample.
        scorer: Run that scores the samples.
        task: Task of all samples.
        codes: Segments to fill, from `Generator.segments`.
        configs: Sampling settings to compare.
    """
    generator.fill(task, codes[:1], configs[0])  # warm-up, so that loading is not timed
    for config in configs:
        begin = time.perf_counter()
        made, calls = generator.fill(task, codes, config)
        seconds = time.perf_counter() - begin
        nats_S = bound(ModelReader.of(scorer.exported), canvas_of_samples(scorer, made)).nats_S.numpy()
        tokens_S = np.array([one.generated.sum() for one in made])
        entropy = float(np.mean([within_text_entropy(one.tokens[one.generated]) for one in made]))
        error = ratio_error(nats_S, tokens_S)
        bits = float(nats_S.sum() / tokens_S.sum()) / math.log(2)
        yield SweepResult(config, calls, seconds, bits, error and error / math.log(2), entropy / math.log(2))


def canvas_of_samples(generator: Generator, made: Sequence[GeneratedSample]) -> Canvas:
    """Segments of the samples with the generated tokens as targets, laid out for the generator's model."""
    codes = []
    for one in made:
        owner = generator.vocabulary.modality_of(one.tokens)
        there = [modality for modality in MODALITIES if modality in owner]
        spans = {
            modality: codes_of_span(one.tokens[owner == modality], modality, generator.vocabulary) for modality in there
        }
        codes.append({modality: span.reshape(-1) for modality, span in spans.items()})
    canvas = generator.canvas(made[0].task, codes)
    return replace(canvas, target_T=torch.from_numpy(np.concatenate([one.generated for one in made])))
