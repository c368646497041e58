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
from .query import PredictLogits, taken, with_ends
from .sample_token import draw
from .sampler import Sampled


@torch.no_grad()
def sample_causal(ask: PredictLogits, canvas: Canvas, slices: Slices, config: SamplingConfig, seed: int) -> Sampled:
    """As `sample`; of the settings, only how a token is drawn has a say. Raises Refusal if guidance is asked for."""
    if config.guidance:
        raise Refusal("`guidance`: an autoregressive model knows no null condition. Leave it at 0.")
    canvas = with_ends(canvas)
    shown_T, open_T, calls = canvas.shown, canvas.open_T.clone(), 0
    while bool(open_T.any()):
        asked_T = first_open(canvas, open_T)
        busy_S, kept_N = behind(canvas, asked_T)
        part = taken(canvas, busy_S, kept_N)
        inputs, place_N = inputs_of(part, slices, shown_T[kept_N], asked_T[kept_N], causal=True)
        token_N = _drawn(ask(inputs), inputs.groups, part, place_N, slices, config, seed)
        place_N, calls = kept_N[place_N], calls + 1
        shown_T, open_T = shown_T.index_put((place_N,), token_N), open_T & ~asked_T
        rest_T = open_T & _ended(canvas, place_N, token_N)
        shown_T, open_T = torch.where(rest_T, int(Special.EOS), shown_T), open_T & ~rest_T
    return Sampled(torch.where(canvas.hidden_T, canvas.tokens_T, shown_T), calls)


def first_open(canvas: Canvas, open_T: torch.Tensor) -> torch.Tensor:
    """The first open place (bool) of each segment."""
    place_N = open_T.nonzero()[:, 0]
    index_N = canvas.index_T[place_N]
    asked_T = torch.zeros_like(open_T)
    asked_T[place_N] = torch.cat((index_N.new_ones(1, dtype=torch.bool), index_N[1:] != index_N[:-1]))
    return asked_T


def behind(canvas: Canvas, asked_T: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Segments (bool) that are asked for a place, and numbers in T of it and of all before it in its segment."""
    until_S = torch.full_like(canvas.key_S, -1)
    until_S[canvas.index_T[asked_T]] = canvas.position_T[asked_T].long()
    return until_S >= 0, (canvas.position_T <= until_S[canvas.index_T]).nonzero()[:, 0]


def _drawn(
    logits: list[torch.Tensor],
    groups: tuple[tuple[int, int], ...],
    canvas: Canvas,
    place_N: torch.Tensor,
    slices: Slices,
    config: SamplingConfig,
    seed: int,
) -> torch.Tensor:
    u_N = uniform(seed, RandomStream.CLASS, canvas.key_S[canvas.index_T[place_N]], canvas.position_T[place_N])
    parts = zip(groups, logits, torch.split(u_N, [count for _, count in groups]), strict=True)
    return torch.cat([slices.token_of(draw(one, u_n, config), index) for (index, _), one, u_n in parts])


def _ended(canvas: Canvas, place_N: torch.Tensor, token_N: torch.Tensor) -> torch.Tensor:
    """Text (T,) of the segments in which EOS was said."""
    ended_S = torch.zeros_like(canvas.key_S, dtype=torch.bool)
    ended_S[canvas.index_T[place_N]] = token_N == Special.EOS
    return ended_S[canvas.index_T] & (canvas.modality_T == Modality.TEXT)
