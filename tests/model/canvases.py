"""Canvases and stand-ins for models, for tests of what samples."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from triptych.model.network.inputs import Inputs
from triptych.model.network.slices import Slices
from triptych.model.sampling.canvas import Canvas, canvas_of
from triptych.schemas.config.model import Task
from triptych.schemas.dataset.layout import sample_table
from triptych.schemas.vocabulary import Modality, Special, Vocabulary

from .conftest import VOCABULARY, Sample


def canvas(
    samples: Sequence[Sample],
    tasks: Sequence[Task],
    keys: Sequence[int] | None = None,
    vocabulary: Vocabulary = VOCABULARY,
) -> Canvas:
    codes = {half: [getattr(s, half.name.lower()) for s in samples] for half in list(Modality)[1:]}
    table = sample_table([s.kind for s in samples], codes, {half.name.lower(): 4 for half in codes})
    return canvas_of(table, vocabulary, tasks, keys)


@dataclass
class Fixed:
    """The same logits for a class wherever it is asked for, and a record of what was shown."""

    logits: list[torch.Tensor]  # (C,) of each slice
    masks: list[list[tuple[int, int]]] = field(default_factory=list)  # of each call and segment: length and MASKs
    inputs: list[Inputs] = field(default_factory=list)

    def __call__(self, inputs: Inputs) -> list[torch.Tensor]:
        segment_L = inputs.segment_BL[0].long()
        masked = torch.bincount(segment_L, weights=(inputs.tokens_BL[0] == Special.MASK).double())
        self.masks.append(list(zip(torch.bincount(segment_L)[1:].tolist(), masked[1:].int().tolist(), strict=True)))
        self.inputs.append(inputs)
        return [self.logits[index].expand(count, -1) for index, count in inputs.groups]


def flat(slices: Slices) -> Fixed:
    """Every class alike."""
    return Fixed([torch.zeros(width) for width in slices.widths])


@dataclass
class Moody:
    """Logits that depend on all that is shown in the segment, and on the place: a model in all but sense."""

    slices: Slices
    eos: float = 0.0

    def __call__(self, inputs: Inputs) -> list[torch.Tensor]:
        segment, tokens = inputs.segment_BL.long(), inputs.tokens_BL
        number = segment + torch.arange(len(tokens))[:, None] * (int(segment.max()) + 1)
        worth = (tokens * 7919 + inputs.position_BL.long() * 104729) % 1009
        sum_ = torch.zeros(int(number.max()) + 1, dtype=torch.int64).index_add(0, number.flatten(), worth.flatten())
        mood = (sum_[number] * 31 + inputs.position_BL.long() * 17).flatten()[inputs.query_N]
        out = []
        for (index, count), part in zip(inputs.groups, mood.split([c for _, c in inputs.groups]), strict=True):
            classes = torch.arange(self.slices.widths[index])
            logits = 4 * torch.sin((part[:, None] * (classes + 3)).double() * 0.7).float()
            if index == 1:
                logits[:, 0] = self.eos
            assert len(logits) == count
            out.append(logits)
        return out
