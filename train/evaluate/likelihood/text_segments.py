"""Questions in words as segments: a context that is shown, and what follows it, open.

An end of text closes each segment, as in training, and is shown: how long an answer is, a masked model knows anyway.
Its likelihood counts the answer's tokens alone, so that it is per byte of the text that was asked about.
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

FRAME = 2  # task slot and end of text
Pair = tuple[str, str]  # context and what follows it


def canvas_of_pairs(
    pairs: Sequence[Pair], tokenizer: TextTokenizer, vocabulary: Vocabulary, longest: int, keys: Sequence[int]
) -> Canvas:
    """A segment for each pair, of at most `longest` tokens: of a context that is too long, the end is shown.

    A token that has any byte of the answer is open, also where it begins in the context. An answer that is too long by
    itself is cut at its front.
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
    """Texts by their codes, all of them open but for their ends."""
    sizes = {"text": vocabulary.text, "image": vocabulary.image, "audio": max(vocabulary.audio, default=0)}
    samples = sample_table([Kind.TEXT] * len(rows), {Modality.TEXT: rows}, sizes)
    canvas = canvas_of(samples, vocabulary, [Task.TEXT] * len(rows), keys)
    return replace(canvas, target_T=canvas.target_T & (canvas.tokens_T != Special.EOS))


def _last(codes: Codes, size: int, tokenizer: TextTokenizer) -> int:
    """How many of the last codes it takes for so many bytes."""
    if not size:
        return 0
    return int(np.searchsorted(tokenizer.token_bytes[codes][::-1].cumsum(), size)) + 1
