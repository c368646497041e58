"""Sizes of rows and tokenizers for the guessed sources, by how much text there is and how long the clips are."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from ...schemas.config.sources import Source
from ...tokenizers.audio.decode_clip import duration_of
from ..preview.extent import extent
from ..preview.heads import read_head

HEAD_ROWS = 64  # rows of a source that are looked at
ROW_LENGTHS = (4096, 8192, 16384, 32768, 65535)
VOCABULARIES = (32000, 16000, 8000, 4000, 2000, 1000, 500, 300)
BYTES_PER_PIECE = 200  # bytes of text for each piece of a vocabulary
SOUND_TOKENS = 200  # tokens per second of the tokenizer that is trained in a run
MARGIN = 1.5  # clips elsewhere may be longer than those of the head


@dataclass(frozen=True)
class Sizes:
    """What a run file says of sizes, and why."""

    modalities: frozenset[str]
    row_length: int
    row_ground: str
    vocab_size: int
    text_ground: str


def sizes_of(sources: Sequence[Source], limits: object) -> Sizes:
    """Look at the first rows of the sources for the length of their clips and the amount of their text."""
    from ...schemas.config.run import Limits

    limits = limits if isinstance(limits, Limits) else Limits()
    seconds = text = 0.0
    for source in sources:
        size = extent(source, limits, HEAD_ROWS)
        head = read_head(source, size.parts, (), limits, HEAD_ROWS)
        if not head.kept.num_rows:
            continue
        text += size.rows * (pc.sum(pc.binary_length(head.kept["text"])).as_py() or 0) / head.kept.num_rows
        if "audio" in head.kept.column_names:
            lengths = [duration_of(clip.as_py()) for clip in head.kept["audio"]]
            seconds = max(seconds, *(frames / rate for frames, rate in lengths))
    modalities = frozenset(modality.name.lower() for source in sources for modality in source.modality.modalities)
    return Sizes(modalities, *row_length_of(seconds), *vocabulary_of(text))


def row_length_of(seconds: float) -> tuple[int, str]:
    """Choose a row that holds a clip longer than the longest one seen."""
    needed = seconds * MARGIN * SOUND_TOKENS
    length = next((each for each in ROW_LENGTHS if each >= needed), ROW_LENGTHS[-1])
    if length == ROW_LENGTHS[0]:
        return length, "Longer texts are divided."
    return length, f"A clip of {seconds:.0f} s, the longest one seen, needs {seconds * SOUND_TOKENS:,.0f}."


def vocabulary_of(text: float) -> tuple[int, str]:
    """Choose the size of a vocabulary for about `text` bytes of text."""
    size = next((each for each in VOCABULARIES if each * BYTES_PER_PIECE <= text), VOCABULARIES[-1])
    size = min(size, 8000) if text < 1e9 else size
    return size, f"There is about {text / 1e6:,.1f} MB of text."
