"""Sampling an autoregressive model, the control: from left to right, a token of each segment a call.

Such a model says itself where a text ends: after EOS nothing more is asked of that text, and EOS fills the rest of it.
The canvas says how long it can get.

Shapes are named by suffix: T tokens of all segments, N segments with something to say.
"""

import torch

from ...schemas.config.sampling import SamplingConfig
from ...schemas.errors import Refusal
from ...schemas.vocabulary import Modality, Special
from ..keyed_random import RandomStream, uniform
from ..network.slices import Slices
from .canvas import Canvas, inputs_of
from .query import PredictLogits, select_segments, with_eos
from .sample_token import sample_classes
from .sampler import Sampled


@torch.no_grad()
def sample_causal(predict: PredictLogits, canvas: Canvas, slices: Slices, config: SamplingConfig, seed: int) -> Sampled:
    """As `sample`; of the settings, only how a token is drawn has a say. Raises Refusal if guidance is asked for."""
    if config.guidance:
        raise Refusal("`guidance`: an autoregressive model knows no null condition. Leave it at 0.")
    canvas = with_eos(canvas)
    input_T, masked_T, calls = canvas.masked_tokens, canvas.target_T.clone(), 0
    while bool(masked_T.any()):
        query_T = first_masked(canvas, masked_T)
        active_S, kept_N = query_prefixes(canvas, query_T)
        part = select_segments(canvas, active_S, kept_N)
        inputs, query_N = inputs_of(part, slices, input_T[kept_N], query_T[kept_N], causal=True)
        token_N = _sample_tokens(predict(inputs), inputs.groups, part, query_N, slices, config, seed)
        query_N, calls = kept_N[query_N], calls + 1
        input_T, masked_T = input_T.index_put((query_N,), token_N), masked_T & ~query_T
        rest_T = masked_T & _after_eos(canvas, query_N, token_N)
        input_T, masked_T = torch.where(rest_T, int(Special.EOS), input_T), masked_T & ~rest_T
    return Sampled(torch.where(canvas.hidden_T, canvas.tokens_T, input_T), calls)


def first_masked(canvas: Canvas, masked_T: torch.Tensor) -> torch.Tensor:
    """The first open place (bool) of each segment."""
    query_N = masked_T.nonzero()[:, 0]
    index_N = canvas.index_T[query_N]
    query_T = torch.zeros_like(masked_T)
    query_T[query_N] = torch.cat((index_N.new_ones(1, dtype=torch.bool), index_N[1:] != index_N[:-1]))
    return query_T


def query_prefixes(canvas: Canvas, query_T: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Segments (bool) that are asked for a place, and numbers in T of it and of all before it in its segment."""
    until_S = torch.full_like(canvas.key_S, -1)
    until_S[canvas.index_T[query_T]] = canvas.position_T[query_T].long()
    return until_S >= 0, (canvas.position_T <= until_S[canvas.index_T]).nonzero()[:, 0]


def _sample_tokens(
    logits: list[torch.Tensor],
    groups: tuple[tuple[int, int], ...],
    canvas: Canvas,
    query_N: torch.Tensor,
    slices: Slices,
    config: SamplingConfig,
    seed: int,
) -> torch.Tensor:
    u_N = uniform(seed, RandomStream.SAMPLE, canvas.key_S[canvas.index_T[query_N]], canvas.position_T[query_N])
    parts = zip(groups, logits, torch.split(u_N, [count for _, count in groups]), strict=True)
    return torch.cat([slices.token_of(sample_classes(one, u_n, config), index) for (index, _), one, u_n in parts])


def _after_eos(canvas: Canvas, query_N: torch.Tensor, token_N: torch.Tensor) -> torch.Tensor:
    """Text (T,) of the segments in which EOS was said."""
    ended_S = torch.zeros_like(canvas.key_S, dtype=torch.bool)
    ended_S[canvas.index_T[query_N]] = token_N == Special.EOS
    return ended_S[canvas.index_T] & (canvas.modality_T == Modality.TEXT)
