"""Likelihood of answers after their contexts, whatever the tokenizer and however long they are.

An answer begins where the codes of context and answer together first differ from those of the context alone. Usually
the codes of the context are a prefix of the others. Where they are not, because a token reaches over the boundary, the
likelihood of the context's remaining codes is subtracted, so that

    log p(answer | context) = log p(context and answer) - log p(context)

holds for every tokenizer (docs/explanation/likelihood.md). Bytes per token are not used: they are not known for
tokenizers that normalise, drop spaces or have unknown characters.

Shapes are named by suffix: S pairs, W windows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ....model.sampling.canvas import Canvas
from ....schemas.vocabulary import Vocabulary
from ....tokenizers.protocol import Codes, TextTokenizer
from .bound import Likelihood
from .text_segments import FRAME, text_canvas

Pair = tuple[str, str]  # context and answer
KEYS = 1 << 32  # distance of the random keys of a pair's windows
CONTEXT_KEY = 1 << 16  # number from which windows of a context alone are counted


class Window(NamedTuple):
    """Codes of one segment; those from `first` on are scored."""

    codes: Codes
    first: int


@dataclass(frozen=True)
class AnswerWindows:
    """Windows of all pairs; each code of an answer is scored in exactly one of them."""

    windows: list[Window]
    pair_W: npt.NDArray[np.int64]
    sign_W: npt.NDArray[np.int64]  # -1: codes of a context alone, whose likelihood is subtracted
    number_W: npt.NDArray[np.int64]  # of the window within its pair
    tokens_S: npt.NDArray[np.int64]  # scored codes of context and answer together
    cut: int  # contexts that lost their beginning
    split: int  # answers that are scored in several windows


class AnswerScores(NamedTuple):
    """Scores of pairs, in their order."""

    nats_S: npt.NDArray[np.float64]  # negative log-likelihood of the answer, or the bound on it
    error_S: npt.NDArray[np.float64]  # standard error over masks
    greedy_S: npt.NDArray[np.bool_] | None  # whether greedy decoding gives all scored codes; chain rule only
    passes: int  # number of segments that went through the model


def answer_start(context: Codes, whole: Codes) -> int:
    """Number of codes at the beginning of a text that are also those of its context alone."""
    length = min(len(context), len(whole))
    differ = np.flatnonzero(context[:length] != whole[:length])
    return int(differ[0]) if differ.size else length


def split_answer(codes: Codes, first: int, room: int) -> Iterator[Window]:
    """Split a text into windows of at most `room` codes, which together score every code from `first` on once.

    One window if the answer fits; its context loses its beginning if need be. Otherwise each window after the first
    scores half a window of new codes, and shows the half before them.
    """
    stride = max(room // 2, 1)
    end = len(codes) if len(codes) - first <= room else max(room, first + stride)
    while True:
        start = max(end - room, 0)
        yield Window(codes[start:end], first - start)
        if end == len(codes):
            return
        first, end = end, min(end + stride, len(codes))


def answer_windows(pairs: Sequence[Pair], tokenizer: TextTokenizer, longest: int) -> AnswerWindows:
    """Find the codes of each answer, and split them into windows.

    Args:
        pairs: Contexts and answers.
        tokenizer: Text tokenizer.
        longest: Largest number of tokens of a segment, with task token and EOS.
    """
    contexts = list(dict.fromkeys(context for context, _ in pairs))  # questions have several answers
    alone = dict(zip(contexts, _encode(tokenizer, contexts), strict=True))
    whole = _encode(tokenizer, [context + answer for context, answer in pairs])
    room = longest - FRAME
    windows, places, tokens = [], [], []
    cut = split = 0
    for number, ((context, _), codes) in enumerate(zip(pairs, whole, strict=True)):
        first = answer_start(alone[context], codes)
        mine = list(split_answer(codes, first, room))
        cut += mine[0].first < first
        split += len(mine) > 1
        tokens.append(len(codes) - first)
        left = list(split_answer(alone[context], first, room)) if first < len(alone[context]) else []
        windows += mine + left
        places += [(number, 1, at) for at in range(len(mine))]
        places += [(number, -1, CONTEXT_KEY + at) for at in range(len(left))]
    pair_W, sign_W, number_W = np.array(places, np.int64).reshape(-1, 3).T
    return AnswerWindows(windows, pair_W, sign_W, number_W, np.array(tokens, np.int64), cut, split)


def answer_canvas(found: AnswerWindows, vocabulary: Vocabulary, keys: Sequence[int]) -> Canvas:
    """Lay out a segment for each window; keys are those of the pairs."""
    key_W = np.asarray(keys, np.int64)[found.pair_W] + found.number_W * KEYS
    canvas = text_canvas([window.codes.tolist() for window in found.windows], vocabulary, key_W.tolist())
    first_W = 1 + torch.tensor([window.first for window in found.windows], dtype=torch.int64)  # after the task token
    return replace(canvas, target_T=canvas.target_T & (canvas.position_T >= first_W[canvas.index_T]))


def score_answers(
    estimate: Callable[[Canvas], Likelihood], found: AnswerWindows, vocabulary: Vocabulary, keys: Sequence[int]
) -> AnswerScores:
    """Score answers by `bound` or `chain_rule`.

    Args:
        estimate: Likelihood of the targets of segments.
        found: The windows of all pairs.
        vocabulary: Vocabulary of the model.
        keys: Random key of each pair; pairs with the same key share their masks.
    """
    pairs = len(found.tokens_S)
    if not pairs:
        return AnswerScores(np.zeros(0), np.zeros(0), np.zeros(0, bool), 0)
    done = estimate(answer_canvas(found, vocabulary, keys))
    nats_S = np.bincount(found.pair_W, done.nats_S.numpy() * found.sign_W, minlength=pairs).astype(np.float64)
    error_S = np.sqrt(np.bincount(found.pair_W, done.error_S.numpy() ** 2, minlength=pairs))
    greedy_S = None
    if done.greedy_S is not None:
        wrong_W = ~done.greedy_S.numpy() & (found.sign_W > 0)
        greedy_S = np.bincount(found.pair_W, wrong_W, minlength=pairs) == 0
    return AnswerScores(nats_S, error_S, greedy_S, done.passes)


def window_note(found: AnswerWindows, longest: int) -> str:
    """What was cut or split, for a note or a warning; empty if nothing was."""
    room, parts = longest - FRAME, []
    if found.cut:
        parts.append(f"{found.cut:,} of {len(found.tokens_S):,} contexts lost their beginning")
    if found.split:
        stride = max(room // 2, 1)
        parts.append(
            f"{found.split:,} of {len(found.tokens_S):,} answers were scored in windows, {stride} tokens apart"
        )
    return f"{' and '.join(parts)} (windows of {room:,} tokens)" if parts else ""


def _encode(tokenizer: TextTokenizer, texts: Sequence[str]) -> list[Codes]:
    codes, offsets = tokenizer.encode(texts)
    return [codes[start:stop] for start, stop in pairwise(offsets)]
