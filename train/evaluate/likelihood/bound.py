"""Likelihood of the target tokens of segments: the variational bound, and the chain rule in any order.

The bound is that of training (docs/explanation/objective.md): the mean over k = 1 ... n of n/k times the cross-entropy
of k masked positions out of n. Here its variance is reduced for each segment. The numbers of masked positions are
stratified over the passes. Each mask is followed by its complement. Masks take consecutive parts of one random
permutation of the positions, so that in the few passes with a large weight all positions occur equally often. If a
segment has so few targets that all masks can be evaluated (one target: one mask), they are, and nothing is random. Each
mask by itself is uniform among the masks of its size, so the mean is unbiased. Segments with the same key have the same
masks on their n-th targets, so that the noise they share cancels in differences.

The chain rule predicts one position per pass, in some order, with all earlier positions visible. It is exact for its
order, and the bound is its mean over all orders. An autoregressive model has its own order and needs one pass.

Shapes are named by suffix: S segments, T tokens, P passes, H pairs of passes of a segment.
"""

from typing import NamedTuple

import torch

from ....model.diffusion.masking import WeightedMask
from ....model.keyed_random import RandomStream, bits, rank_within, uniform
from ....model.sampling.canvas import Canvas
from .reader import ModelReader, chunks, target_ranks
from .shared_passes import shared_passes

PASSES = 16


class Likelihood(NamedTuple):
    """Likelihood of all targets of each segment."""

    nats_S: torch.Tensor  # float64; negative log-likelihood, or the upper bound on it
    error_S: torch.Tensor  # float64; standard error over masks, rather too large; 0 where nothing is random
    greedy_S: torch.Tensor | None  # bool; whether greedy decoding gives all targets; chain rule only
    passes: int  # number of segments that went through the model


def bound(reader: ModelReader, canvas: Canvas, passes: int = PASSES, seed: int = 0) -> Likelihood:
    """Upper bound on the negative log-likelihood; for an autoregressive model the exact value.

    Args:
        reader: The model.
        canvas: Segments with targets. Segments with the same key share their masks.
        passes: Passes per segment, a multiple of 4.
        seed: Seed of the masks.

    Raises:
        ValueError: If `passes` is not a multiple of 4.
    """
    if passes < 4 or passes % 4:
        raise ValueError(f"passes must be a multiple of 4, not {passes}")
    if reader.causal:
        return _in_order(reader, canvas)
    n_S, _ = target_ranks(canvas)
    every_S = n_S < (passes + 1).bit_length()  # there are no more than `passes` masks (2^n - 1)
    passes_S = torch.where(every_S, 2 ** n_S.clamp(max=30) - 1, passes)
    segment_P = torch.repeat_interleave(passes_S)
    number_P = torch.arange(len(segment_P)) - (passes_S.cumsum(0) - passes_S)[segment_P]
    estimate_P = torch.zeros(len(segment_P), dtype=torch.float64)
    for mine, copy, _ in chunks(canvas, segment_P):
        every_P = every_S[segment_P[mine]]
        listed, drawn = _all_masks(copy, number_P[mine]), _stratified_masks(copy, number_P[mine], passes // 2, seed)
        query_T = torch.where(every_P[copy.index_T], listed.masked_T, drawn.masked_T)
        weight_P = torch.where(every_P, listed.weight_S, drawn.weight_S)
        index_N, scores = reader(copy, query_T, query_T)
        nats_P = torch.zeros(len(weight_P), dtype=torch.float64).index_add_(0, index_N, scores.nats_N.double())
        estimate_P[mine] = weight_P * nats_P
    drawn_SP = estimate_P[~every_S[segment_P]].view(-1, passes)
    nats_S = torch.zeros(len(n_S), dtype=torch.float64).index_add_(0, segment_P, estimate_P)
    error_S = torch.zeros_like(nats_S)
    nats_S[~every_S], error_S[~every_S] = drawn_SP.mean(1), _error(drawn_SP)
    return Likelihood(nats_S, error_S, None, len(segment_P))


def chain_rule(reader: ModelReader, canvas: Canvas, seed: int | None = None) -> Likelihood:
    """Exact negative log-likelihood by the chain rule; equal passes of several segments go through the model once.

    Args:
        reader: The model.
        canvas: Segments with targets.
        seed: None: from left to right; otherwise the seed of a random order, shared by segments with the same key.
    """
    if reader.causal:
        return _in_order(reader, canvas)
    n_S, rank_T = target_ranks(canvas)
    if seed is not None:
        draw_T = bits(seed, RandomStream.MASK, canvas.key_S[canvas.index_T], rank_T)
        rank_T = rank_within(torch.where(canvas.target_T, canvas.index_T, len(n_S)), draw_T)
    passes = shared_passes(canvas, rank_T)
    start_S = torch.searchsorted(canvas.index_T, torch.arange(len(n_S)))
    by_pass_P = passes.of_P.argsort(stable=True)
    ends_R = torch.bincount(passes.of_P, minlength=len(passes.segment_R)).cumsum(0)
    nats_S, wrong_S = torch.zeros(len(n_S), dtype=torch.float64), torch.zeros(len(n_S))
    for mine, copy, token_T in chunks(canvas, passes.segment_R):
        hidden_T = copy.target_T & (rank_T[token_T] >= passes.number_R[mine][copy.index_T])
        low = int(ends_R[mine.start - 1]) if mine.start else 0
        pass_N = by_pass_P[low : int(ends_R[mine.stop - 1])]
        target_N, of_N = passes.target_P[pass_N], passes.segment_P[pass_N]
        begin_R = torch.searchsorted(copy.index_T, torch.arange(len(copy.key_S)))
        query_N = begin_R[passes.of_P[pass_N] - mine.start] + target_N - start_S[of_N]
        scores = reader.tokens_at(copy, hidden_T, query_N, canvas.tokens_T[target_N])
        nats_S.index_add_(0, of_N, scores.nats_N.double())
        wrong_S.index_add_(0, of_N, (~scores.greedy_N).float())
    return Likelihood(nats_S, torch.zeros_like(nats_S), wrong_S == 0, len(passes.segment_R))


def _in_order(reader: ModelReader, canvas: Canvas) -> Likelihood:
    """Predict every target from all tokens before it, in one pass per segment."""
    segments = len(canvas.key_S)
    nats_S, wrong_S = torch.zeros(segments, dtype=torch.float64), torch.zeros(segments)
    for mine, copy, _ in chunks(canvas, torch.arange(segments)):
        index_N, scores = reader(copy, torch.zeros_like(copy.target_T), copy.target_T)
        nats_S[mine].index_add_(0, index_N, scores.nats_N.double())
        wrong_S[mine].index_add_(0, index_N, (~scores.greedy_N).float())
    return Likelihood(nats_S, torch.zeros_like(nats_S), wrong_S == 0, segments)


def _stratified_masks(copy: Canvas, number_P: torch.Tensor, pairs: int, seed: int) -> WeightedMask:
    """Random masks: for each pass (a copy of its segment) the mask of its number.

    The permutation of a segment's targets is treated as a circle; a pair of passes masks the next k of it, and then the
    rest.
    """
    n_P, place_T = target_ranks(copy)
    index_T, pair_P, pair_H = copy.index_T, number_P // 2, torch.arange(pairs)
    jitter_PH = uniform(seed, RandomStream.JITTER, copy.key_S[:, None], pair_H)
    k_PH = _counts(n_P[:, None], (pair_H + jitter_PH) / pairs)
    k_P = k_PH.gather(1, pair_P[:, None])[:, 0]
    before_PH = (pair_H < pair_P[:, None]) & (k_PH < n_P[:, None])
    first_P = torch.where(before_PH, k_PH, 0).sum(1)
    deck_T = bits(seed, RandomStream.MASK, copy.key_S[index_T], place_T)
    card_T = rank_within(torch.where(copy.target_T, index_T, len(n_P)), deck_T)
    taken_T = (card_T - first_P[index_T]) % n_P[index_T] < k_P[index_T]
    rest_P = (number_P % 2 == 1) & (k_P < n_P)
    return WeightedMask(copy.target_T & (taken_T ^ rest_P[index_T]), n_P.double() / torch.where(rest_P, n_P - k_P, k_P))


def _all_masks(copy: Canvas, number_P: torch.Tensor) -> WeightedMask:
    """For each pass, the mask of its number in the list of all masks, and its weight in their sum."""
    n_P, place_T = target_ranks(copy)
    chosen_T = copy.target_T & ((number_P[copy.index_T] + 1 >> place_T.clamp(max=62)) % 2 == 1)
    k_P = torch.bincount(copy.index_T[chosen_T], minlength=len(n_P)).double()
    n_P = n_P.double()
    ways_P = torch.exp(torch.lgamma(n_P + 1) - torch.lgamma(k_P + 1) - torch.lgamma(n_P - k_P + 1))
    return WeightedMask(chosen_T, 1 / (k_P * ways_P))


def _counts(n_P: torch.Tensor, uniform_PH: torch.Tensor) -> torch.Tensor:
    """Number of masked positions k out of n, int64, for each pair of passes.

    A mask and its complement stand for k and n - k, so k is drawn from half of the range, such that k together with n -
    k (or n twice) is stratified over 1 ... n.
    """
    at_PH = uniform_PH * n_P
    return torch.where(at_PH < 1, n_P, ((at_PH - 1) / 2).floor().long() + 1)


def _error(drawn_SP: torch.Tensor) -> torch.Tensor:
    """Standard error (S,) of the mean of estimates in pairs, one pair from each stratum.

    A stratum has one draw, so its variance cannot be estimated from it. Instead neighbouring strata are compared. They
    differ by their noise and by their means, so the error is overestimated (collapsed strata, Cochran 1977, 5A.12); the
    more so as masks that share one permutation are negatively correlated.
    """
    each_SH = (drawn_SP[:, 0::2] + drawn_SP[:, 1::2]) / 2
    return (each_SH[:, 0::2] - each_SH[:, 1::2]).square().sum(-1).sqrt() / each_SH.shape[1]
