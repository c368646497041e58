"""What goes into a generator and comes out of it: prompts, codes with masked positions, generated samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...model.diffusion.tasks import MODALITIES
from ...schemas.config.model import Task
from ...schemas.dataset.layout import FRAME, TASK_SLOT
from ...schemas.vocabulary import Modality
from ...tokenizers.protocol import Pixels, Wave

Ints = npt.NDArray[np.int64]
Codes = Mapping[Modality, Ints]  # codes of one segment by modality, MASKED where a token is to be generated
Prompt = str | Pixels | Wave | Ints
MASKED = -1


@dataclass(frozen=True)
class GeneratedSample:
    """One generated sample: its token ids and their decoded content.

    Attributes:
        task: Task that it was generated for.
        tokens: Ids of the whole segment, task token first, int64 (n,).
        generated: Which of the tokens the model generated, bool (n,); the others were given.
        text: Decoded text; None if the segment has no text.
        pixels: Decoded image, uint8 (side, side, 3); None if the segment has no image.
        wave: Decoded audio, float32 in -1..1; None if the segment has no audio.
        sample_rate: Samples per second of `wave`; None if the segment has no audio.
    """

    task: Task
    tokens: Ints
    generated: npt.NDArray[np.bool_]
    text: str | None
    pixels: Pixels | None
    wave: Wave | None
    sample_rate: int | None


class Generation(NamedTuple):
    """Samples of one call of `Generator.generate`, in the order of the prompts."""

    samples: list[GeneratedSample]
    calls: int  # of the model


def without_masked(codes: Ints) -> list[int]:
    """Codes with 0 in place of MASKED, which is no code of a vocabulary."""
    return [0 if code == MASKED else code for code in codes.tolist()]


def target_mask(codes: Codes) -> npt.NDArray[np.bool_]:
    """Which tokens of a segment are to be generated; structural tokens are not."""
    parts = [np.zeros(TASK_SLOT, bool)]
    for modality in MODALITIES:
        if modality in codes:
            opening = np.zeros(FRAME[modality] - 1, bool)
            closing = np.zeros(1, bool)
            parts += [opening, codes[modality] == MASKED, closing]
    return np.concatenate(parts)
