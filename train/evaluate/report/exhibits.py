"""Samples of a report beside held-out references, as files that browsers display."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ....tokenizers.protocol import Pixels, Wave
    from ..samples.images import Pictures
    from ..samples.speech import Clips

SHOWN = 32  # largest number of samples of each kind


@dataclass(frozen=True)
class Exhibit:
    """A sample and its reference, if it has one: text, or PNG or WAV files; `prompt` is what was to be generated."""

    group: str
    prompt: str
    generated: str | bytes
    reference: str | bytes | None = None


def of_pictures(pictures: "Pictures") -> list[Exhibit]:
    """Generated images beside the held-out images of their captions, as reconstructed by the tokenizer."""
    pairs = zip(pictures.captions, pictures.generated, pictures.restored, strict=True)
    return [Exhibit("images", text, png(made), png(restored)) for text, made, restored in list(pairs)[:SHOWN]]


def of_clips(clips: "Clips") -> list[Exhibit]:
    """Generated clips beside the held-out clips of their texts, as reconstructed by the codec."""
    pairs = list(zip(clips.texts, clips.generated, clips.restored, strict=True))[:SHOWN]
    rate = clips.sample_rate
    return [Exhibit("speech", text, wav(made, rate), wav(restored, rate)) for text, made, restored in pairs]


def of_texts(made: Sequence[str], real: Sequence[str]) -> list[Exhibit]:
    """Generated texts beside held-out texts, which are unrelated."""
    return [Exhibit("text", "", one, other) for one, other in zip(made[:SHOWN], real[:SHOWN], strict=False)]


def grid_png(exhibits: Sequence[Exhibit], columns: int = 8, gap: int = 2) -> bytes | None:
    """All images as one PNG: a line of held-out images, below it the samples for their captions, and so on.

    Args:
        exhibits: Samples of any kind.
        columns: Images per line.
        gap: Pixels between images.

    Returns:
        A PNG file, or None if there are no images.
    """
    from PIL import Image

    pictures = [one for one in exhibits if one.group == "images"]
    if not pictures:
        return None
    lines = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    rows = [[one.reference for one in line] for line in lines], [[one.generated for one in line] for line in lines]
    tiles = [tiles for pair in zip(*rows, strict=True) for tiles in pair]
    opened = [[Image.open(io.BytesIO(tile)) for tile in line if isinstance(tile, bytes)] for line in tiles]
    cell = opened[0][0].width + gap
    sheet = Image.new("RGB", (cell * len(opened[0]) + gap, cell * len(opened) + gap), "white")
    for top, line in enumerate(opened):
        for left, tile in enumerate(line):
            sheet.paste(tile, (left * cell + gap, top * cell + gap))
    return png(np.asarray(sheet))


def png(pixels: "Pixels") -> bytes:
    """Encode an image (height, width, 3) as a PNG file."""
    from PIL import Image

    sink = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(sink, format="PNG")
    return sink.getvalue()


def wav(wave: "Wave", sample_rate: int) -> bytes:
    """Encode a wave in -1..1 as a WAV file with 16 bits."""
    import soundfile

    sink = io.BytesIO()
    soundfile.write(sink, np.clip(wave, -1, 1), sample_rate, format="WAV", subtype="PCM_16")
    return sink.getvalue()
