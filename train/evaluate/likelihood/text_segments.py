"""Segments of text for likelihoods.

Each segment ends with EOS, as in training, and the EOS is visible: a masked model knows the length of a text anyway.
The likelihood covers only tokens of the text, so it can be expressed per byte.
"""

from collections.abc import Sequence
from dataclasses import replace

from ....model.sampling.canvas import Canvas, canvas_of
from ....schemas.config.model import Task
from ....schemas.dataset.layout import sample_table
from ....schemas.vocabulary import Kind, Modality, Special, Vocabulary

FRAME = 2  # task token and EOS


def text_canvas(rows: Sequence[Sequence[int]], vocabulary: Vocabulary, keys: Sequence[int]) -> Canvas:
    """Lay out texts given by their codes; all tokens but EOS are targets."""
    sizes = {"text": vocabulary.text, "image": vocabulary.image, "audio": max(vocabulary.audio, default=0)}
    samples = sample_table([Kind.TEXT] * len(rows), {Modality.TEXT: rows}, sizes)
    canvas = canvas_of(samples, vocabulary, [Task.TEXT] * len(rows), keys)
    return replace(canvas, target_T=canvas.target_T & (canvas.tokens_T != Special.EOS))
