"""Tokens a second of the sampler, at several batch sizes, with the block cache and without it.

A model with random weights fills texts from nothing by confidence, block after block. `float32` is what `triptych
sample` runs; `bfloat16` is the same under autocast. Time is that of a whole call, after one that does not count.
"""

import statistics
from collections.abc import Callable

import torch

from triptych.model.network.init import initialise
from triptych.model.network.inputs import Inputs
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.model.sampling.block_cache import BlockCache
from triptych.model.sampling.canvas import Canvas, canvas_of
from triptych.model.sampling.query import PredictLogits
from triptych.model.sampling.sampler import Sampled, sample
from triptych.schemas.config.model import ModelConfig, Task
from triptych.schemas.config.sampling import SamplingConfig
from triptych.schemas.dataset.layout import sample_table
from triptych.schemas.vocabulary import Kind, Modality

from .device import seconds
from .mix import VOCABULARY
from .setting import Setting

ENOUGH = 25  # seconds within which a case ends on a GPU, its compilation included


def measure(setting: Setting) -> None:
    """Every case, the smallest model; float32 first, as it is what users get."""
    sizes = setting.sizes
    name = list(sizes.models)[-1]
    model = Transformer(shape_of(ModelConfig.model_validate(sizes.models[name])), VOCABULARY)
    model = model.to(setting.device).eval()
    initialise(model, 0)
    for dtype in (torch.float32, torch.bfloat16):
        for batch in sizes.sample_batches:
            for cache in (False, True):
                label = (
                    f"{name}, {str(dtype).removeprefix('torch.')}, batch {batch}, {'block' if cache else 'no'} cache"
                )
                if setting.record.has_time(label, ENOUGH if setting.cuda else 0):
                    _measure_case(setting, model, label, batch, dtype, cache)


def _measure_case(
    setting: Setting, model: Transformer, label: str, batch: int, dtype: torch.dtype, cache: bool
) -> None:
    sizes = setting.sizes
    config = SamplingConfig(rule="confidence", steps=sizes.sample_steps, block=sizes.sample_block, cache=cache)
    canvas = texts(batch, sizes.sample_length).to(setting.device)
    done: list[Sampled] = []

    def run() -> None:
        predict: PredictLogits = BlockCache(model) if cache else whole(model)
        with torch.autocast(setting.device.type, dtype, enabled=dtype != torch.float32):
            done.append(sample(predict, canvas, model.slices, config, len(done)))

    run()
    taken = [seconds(run) for _ in range(3 if setting.cuda else 1)]
    middle = statistics.median(taken)
    setting.record.add(
        label,
        tokens_per_second=batch * sizes.sample_length / middle,
        seconds=middle,
        seconds_min=min(taken),
        seconds_max=max(taken),
        calls=done[-1].calls,
    )


def texts(count: int, length: int) -> Canvas:
    """Texts of so many tokens, none of them given."""
    codes = {Modality.TEXT: [[0] * length] * count}
    return canvas_of(
        sample_table([Kind.TEXT] * count, codes, {"text": VOCABULARY.text}), VOCABULARY, [Task.TEXT] * count
    )


def whole(model: Transformer) -> Callable[[Inputs], list[torch.Tensor]]:
    """Logits by a pass over all tokens, as `Generator.logits` computes them."""

    def logits(inputs: Inputs) -> list[torch.Tensor]:
        parts = model.hidden_states(inputs).split([count for _, count in inputs.groups])
        return [model.head.logits(h_ND, index) for (index, _), h_ND in zip(inputs.groups, parts, strict=True)]

    return logits
