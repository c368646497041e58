"""Sampler of the autoregressive control: from left to right, one token of each segment per call.

Such a model predicts where a text ends: after EOS the text is not sampled further, and the rest of it is filled with
EOS. The canvas sets the maximum length.

Shapes are named by suffix: T tokens of all segments, N queried positions.
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
    """Sample a token for every target position; arguments and result as for `sample`.

    Of the settings only temperature, top_k and top_p are used.

    Raises:
        Refusal: If guidance is requested.
    """
    if config.guidance:
        raise Refusal(
            "`guidance`: an autoregressive run has no unconditional prediction to guide away from. Set it to 0."
        )
    canvas = with_eos(canvas)
    input_T, masked_T, calls = canvas.masked_tokens, canvas.target_T.clone(), 0
    while bool(masked_T.any()):
        query_T = first_masked(canvas, masked_T)
        active_S, prefix_N = query_prefixes(canvas, query_T)
        part = select_segments(canvas, active_S, prefix_N)
        inputs, query_N = inputs_of(part, slices, input_T[prefix_N], query_T[prefix_N], causal=True)
        token_N = _sample_tokens(predict(inputs), inputs.groups, part, query_N, slices, config, seed)
        query_N, calls = prefix_N[query_N], calls + 1
        input_T, masked_T = input_T.index_put((query_N,), token_N), masked_T & ~query_T
        rest_T = masked_T & _after_eos(canvas, query_N, token_N)
        input_T, masked_T = torch.where(rest_T, int(Special.EOS), input_T), masked_T & ~rest_T
    return Sampled(torch.where(canvas.hidden_T, canvas.tokens_T, input_T), calls)


def first_masked(canvas: Canvas, masked_T: torch.Tensor) -> torch.Tensor:
    """The first masked position (bool) of each segment."""
    query_N = masked_T.nonzero()[:, 0]
    index_N = canvas.index_T[query_N]
    query_T = torch.zeros_like(masked_T)
    query_T[query_N] = torch.cat((index_N.new_ones(1, dtype=torch.bool), index_N[1:] != index_N[:-1]))
    return query_T


def query_prefixes(canvas: Canvas, query_T: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Segments (bool) that have a query, and indices into T of all their positions up to the queried one."""
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
    return torch.cat(
        [slices.token_of(sample_classes(logits_NC, u_n, config), index) for (index, _), logits_NC, u_n in parts]
    )


def _after_eos(canvas: Canvas, query_N: torch.Tensor, token_N: torch.Tensor) -> torch.Tensor:
    """Text positions (T,) of the segments in which EOS was sampled."""
    ended_S = torch.zeros_like(canvas.key_S, dtype=torch.bool)
    ended_S[canvas.index_T[query_N]] = token_N == Special.EOS
    return ended_S[canvas.index_T] & (canvas.modality_T == Modality.TEXT)
