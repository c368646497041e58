"""Segments of text for likelihoods: a visible context, and a continuation as target.

Each segment ends with EOS, as in training, and the EOS is visible: a masked model knows the length of a text anyway.
The likelihood covers only the continuation's tokens, so it can be expressed per byte of the continuation.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from ....model.sampling.canvas import Canvas, canvas_of
from ....schemas.config.model import Task
from ....schemas.dataset.layout import sample_table
from ....schemas.vocabulary import Kind, Modality, Special, Vocabulary
from ....tokenizers.protocol import Codes, TextTokenizer

FRAME = 2  # task token and EOS
Pair = tuple[str, str]  # context and continuation


def canvas_of_pairs(
    pairs: Sequence[Pair], tokenizer: TextTokenizer, vocabulary: Vocabulary, longest: int, keys: Sequence[int]
) -> Canvas:
    """Lay out a segment for each pair.

    A token that holds any byte of the continuation is a target, even if it begins in the context. A context that is too
    long loses its beginning; so does a continuation that is too long by itself.

    Args:
        pairs: Contexts and continuations.
        tokenizer: Text tokenizer.
        vocabulary: Vocabulary of the model.
        longest: Largest number of tokens of a segment, with task token and EOS.
        keys: Random key of each segment.
    """
    codes, offsets = tokenizer.encode([context + answer for context, answer in pairs])
    rows, opened = [], []
    for (_, answer), start, stop in zip(pairs, offsets[:-1], offsets[1:], strict=True):
        mine = codes[start:stop][-(longest - FRAME) :]
        rows.append(mine.tolist())
        opened.append(min(_last(mine, len(answer.encode()), tokenizer), len(mine)))
    canvas = text_canvas(rows, vocabulary, keys)
    length_S = torch.tensor([len(row) for row in rows])
    first_S = 1 + length_S - torch.tensor(opened)
    return replace(canvas, target_T=canvas.target_T & (canvas.position_T >= first_S[canvas.index_T]))


def text_canvas(rows: Sequence[Sequence[int]], vocabulary: Vocabulary, keys: Sequence[int]) -> Canvas:
    """Lay out texts given by their codes; all tokens but EOS are targets."""
    sizes = {"text": vocabulary.text, "image": vocabulary.image, "audio": max(vocabulary.audio, default=0)}
    samples = sample_table([Kind.TEXT] * len(rows), {Modality.TEXT: rows}, sizes)
    canvas = canvas_of(samples, vocabulary, [Task.TEXT] * len(rows), keys)
    return replace(canvas, target_T=canvas.target_T & (canvas.tokens_T != Special.EOS))


def _last(codes: Codes, size: int, tokenizer: TextTokenizer) -> int:
    """Number of codes at the end of a text that hold its last `size` bytes."""
    if not size:
        return 0
    return int(np.searchsorted(tokenizer.token_bytes[codes][::-1].cumsum(), size)) + 1
