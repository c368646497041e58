"""Ways of sampling side by side: what each costs, and how good the same samples are that it makes.

Good is what costs a judge few bits a token: an autoregressive run over the same vocabulary gives the exact figure;
a masked one, such as the run itself, gives its bound, which favours what the run is sure of. Neither means anything
without the entropy of the tokens within a sample beside it, which falls where a rule repeats itself (P7). Rules are at
equal quality where both figures are equal.
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
from ...generate.generator import GeneratedSample, Generator, Prompt
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
    """One way of sampling."""

    settings: SamplingConfig
    calls: int  # of the model
    seconds: float  # for all samples together
    bits: float  # a token, that the samples cost the judge
    error: float  # its standard error over samples
    entropy: float  # bits a token by frequency within a sample, the mean over samples


def sweep_configs(temperatures: Sequence[float], guidances: Sequence[float]) -> list[SamplingConfig]:
    """Every rule at every temperature and guidance."""
    pairs = [{"temperature": t, "guidance": g} for t in temperatures for g in guidances]
    extras = [{key: value for key, value in pair.items() if value != NORMAL[key]} for pair in pairs]
    return [SamplingConfig.model_validate(rule | extra) for extra in extras for rule in RULES]


def sweep_samplers(
    generator: Generator,
    scorer: Generator,
    task: Task,
    prompts: Sequence[Prompt],
    configs: Sequence[SamplingConfig],
    length: int | None = None,
) -> Iterator[SweepResult]:
    """Samples for the prompts by each way, all of one seed; raises Refusal for what `Generator.generate` refuses."""
    generator.generate(task, prompts[:1], configs[0], 0, length=length)  # what is loaded once is nobody's cost
    for config in configs:
        begin = time.perf_counter()
        made, calls = generator.generate(task, prompts, config, 0, length=length)
        seconds = time.perf_counter() - begin
        nats_S = bound(ModelReader.of(scorer.exported), canvas_of_samples(scorer, made)).nats_S.numpy()
        tokens_S = np.array([one.generated.sum() for one in made])
        entropy = float(np.mean([within_text_entropy(one.tokens[one.generated]) for one in made]))
        error = ratio_error(nats_S, tokens_S) or math.nan  # of one sample there is none
        nats = np.array([nats_S.sum() / tokens_S.sum(), error, entropy]) / math.log(2)
        yield SweepResult(config, calls, seconds, *nats.tolist())


def canvas_of_samples(generator: Generator, made: Sequence[GeneratedSample]) -> Canvas:
    """Segments of which what was made is open, as the generator's model takes them."""
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
