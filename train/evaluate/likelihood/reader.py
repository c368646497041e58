"""Run a model on many passes of many segments, a bounded number of tokens at a time.

The passes of all segments lie one after another in a single long row, so there is no padding; how many fit into a row
is limited only by memory.

Shapes are named by suffix: S segments, T their tokens, P passes (each a copy of a segment), N queried positions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import NamedTuple, Self

import torch

from ....model.network.export import Exported
from ....model.network.head import MAX_LOGITS
from ....model.network.inputs import Inputs
from ....model.network.slices import Slices
from ....model.network.transformer import Transformer
from ....model.sampling.canvas import Canvas, inputs_at, inputs_of
from ....schemas.dataset.layout import ragged
from ....schemas.vocabulary import Special

TOKENS = 16_384  # largest number of tokens of a row


class TokenScores(NamedTuple):
    """Scores of the right tokens, in the order of the queries."""

    nats_N: torch.Tensor  # float32; cross-entropy of the right token
    greedy_N: torch.Tensor  # bool; whether no other class is more likely


@dataclass(frozen=True)
class ModelReader:
    """A model that scores the right tokens of queried positions."""

    predict: Callable[[Inputs], TokenScores]
    slices: Slices
    causal: bool  # autoregressive: each token is predicted at the position before it

    @classmethod
    def of(cls, exported: Exported) -> Self:
        """A loaded model on its device."""
        model = exported.model
        return cls(lambda inputs: _token_scores(model, inputs), model.slices, exported.objective == "autoregressive")

    def __call__(
        self, canvas: Canvas, hidden_T: torch.Tensor, query_T: torch.Tensor
    ) -> tuple[torch.Tensor, TokenScores]:
        """Score the right tokens of some positions.

        Args:
            canvas: Segments.
            hidden_T: Positions shown as MASK, bool, besides the hidden positions of the canvas.
            query_T: Positions to score, bool.

        Returns:
            Segment of each query (index into S), and the scores, on the CPU.
        """
        input_T = torch.where(hidden_T | canvas.hidden_T, int(Special.MASK), canvas.tokens_T)
        inputs, query_N = inputs_of(canvas, self.slices, input_T, query_T, causal=self.causal)
        if not len(query_N):
            return query_N, TokenScores(torch.zeros(0), torch.zeros(0, dtype=torch.bool))
        scores = self.predict(inputs)
        return canvas.index_T[query_N], TokenScores(scores.nats_N.cpu(), scores.greedy_N.cpu())

    def tokens_at(
        self, canvas: Canvas, hidden_T: torch.Tensor, query_N: torch.Tensor, token_N: torch.Tensor
    ) -> TokenScores:
        """Score tokens at positions of a masked model, in the order of the queries; arguments as for `inputs_at`."""
        input_T = torch.where(hidden_T | canvas.hidden_T, int(Special.MASK), canvas.tokens_T)
        order_N = canvas.slice_T[query_N].argsort(stable=True)
        scores = self.predict(inputs_at(canvas, self.slices, input_T, query_N[order_N], token_N[order_N]))
        back_N = order_N.argsort()
        return TokenScores(scores.nats_N.cpu()[back_N], scores.greedy_N.cpu()[back_N])


class Chunk(NamedTuple):
    """Some of the passes, copies of their segments, and the index in T from which each of the copies' tokens comes."""

    passes: slice
    canvas: Canvas
    token_T: torch.Tensor


def chunks(canvas: Canvas, segment_P: torch.Tensor, tokens: int = TOKENS) -> Iterator[Chunk]:
    """Copy the segments of all passes into chunks.

    Args:
        canvas: Segments.
        segment_P: Segment of each pass.
        tokens: Largest number of tokens of a chunk; a single pass may have more.
    """
    length_S = torch.bincount(canvas.index_T, minlength=len(canvas.key_S))
    start_S = length_S.cumsum(0) - length_S
    ends_P = length_S[segment_P].cumsum(0)
    low = 0
    while low < len(segment_P):
        before = int(ends_P[low - 1]) if low else 0
        high = max(low + 1, int(torch.searchsorted(ends_P, before + tokens, right=True)))
        mine_P = segment_P[low:high]
        token_T = torch.from_numpy(ragged(start_S[mine_P].numpy(), length_S[mine_P].numpy()))
        columns = {f.name: getattr(canvas, f.name) for f in fields(canvas)}
        taken = {name: column[token_T] for name, column in columns.items() if name.endswith("_T")}
        index_T = torch.repeat_interleave(torch.arange(high - low), length_S[mine_P])
        copy = replace(canvas, **taken | {"index_T": index_T, "key_S": canvas.key_S[mine_P]})
        yield Chunk(slice(low, high), copy, token_T)
        low = high


def target_ranks(canvas: Canvas) -> tuple[torch.Tensor, torch.Tensor]:
    """Number of targets of each segment (S,), and the rank of each target within its segment (T,), from 0."""
    n_S = torch.bincount(canvas.index_T[canvas.target_T], minlength=len(canvas.key_S))
    before_T = canvas.target_T.long().cumsum(0) - canvas.target_T.long()
    return n_S, before_T - (n_S.cumsum(0) - n_S)[canvas.index_T]


@torch.inference_mode()
def _token_scores(model: Transformer, inputs: Inputs) -> TokenScores:
    inputs = inputs.to(model.norm.weight.device)
    h_ND = model.hidden_states(inputs)
    nats, best, start = [], [], 0
    for index, count in inputs.groups:
        step = max(1, MAX_LOGITS // model.slices.widths[index])
        for begin in range(start, start + count, step):
            part = slice(begin, min(begin + step, start + count))
            logits_NC = model.head.logits(h_ND[part], index)
            right_N = logits_NC.gather(-1, inputs.class_N[part][:, None])[:, 0]
            nats.append(logits_NC.logsumexp(-1) - right_N)
            best.append(right_N >= logits_NC.amax(-1))
        start += count
    return TokenScores(torch.cat(nats), torch.cat(best))
