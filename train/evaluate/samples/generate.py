"""Generate samples for held-out captions, texts and clips, and decode the references that they are compared with.

Prompts go to the model a few at a time, and each call has its own seed, so a report with more samples begins with those
of a report with fewer.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ....schemas.config.model import Task
from ....schemas.vocabulary import Modality
from .images import Pictures
from .references import Codes, Reference
from .speech import Clips

if TYPE_CHECKING:
    from ....tokenizers.protocol import Pixels, Wave
    from ...generate.generator import Generator
    from ...generate.samples import GeneratedSample

BATCH = 4  # prompts per call
Files = Mapping[bytes, bytes]  # source files of documents, by document id


def generate_samples(
    generator: "Generator", task: Task, prompts: Sequence[Any], seed: int, length: int | None = None
) -> "list[GeneratedSample]":
    """Generate a sample for each prompt with the default settings of the task.

    Args:
        generator: Run to sample.
        task: Task of all prompts.
        prompts: Prompts as for `Generator.generate`.
        seed: Seed of the first call.
        length: Number of tokens to generate; None: as in training samples.

    Raises:
        Refusal: For a task that the run was not trained on.
    """
    made: list[GeneratedSample] = []
    for start in range(0, len(prompts), BATCH):
        part = prompts[start : start + BATCH]
        made += generator.generate(task, part, generator.defaults(task), seed + start, length=length).samples
    return made


def generate_pictures(generator: "Generator", held: Sequence[Reference], files: Files, seed: int) -> Pictures:
    """Generate images for the captions of held-out images."""
    captions = texts_of(generator, held)
    made = [
        sample.pixels for sample in generate_samples(generator, Task.T2I, captions, seed) if sample.pixels is not None
    ]
    restored = [generator.bundle.image.decode(one.codes[Modality.IMAGE][None])[0] for one in held]
    originals = original_pictures(held, files, generator.bundle.image.pixels)
    return Pictures(captions, np.stack(made), np.stack(restored), originals)


def generate_clips(generator: "Generator", held: Sequence[Reference], files: Files, seed: int) -> Clips:
    """Generate speech for the texts of held-out clips."""
    texts, codec = texts_of(generator, held), generator.bundle.audio
    made = [sample.wave for sample in generate_samples(generator, Task.T2S, texts, seed) if sample.wave is not None]
    restored = [codec.decode(one.codes[Modality.AUDIO]) for one in held]
    return Clips(texts, made, restored, original_clips(held, files, codec.sample_rate), codec.sample_rate)


def original_pictures(held: Sequence[Reference], files: Files, side: int) -> "Pixels | None":
    """The source images at the tokenizer's size, (n, side, side, 3); None unless all files are available."""
    if not all(one.document in files for one in held):
        return None
    from ....tokenizers.image.decode_picture import square

    return np.stack([square(files[one.document], side, one.limits.pixels) for one in held])


def original_clips(held: Sequence[Reference], files: Files, sample_rate: int) -> "list[Wave] | None":
    """The source clips at a sample rate; None unless all files are available."""
    if not all(one.document in files for one in held):
        return None
    from ....tokenizers.audio.decode_clip import wave_of

    return [wave_of(files[one.document], sample_rate, one.limits.seconds) for one in held]


def texts_of(generator: "Generator", held: Sequence[Reference]) -> list[str]:
    """Captions, transcripts or texts of held-out documents."""
    return [generator.bundle.text.decode(one.codes[Modality.TEXT]) for one in held]


def text_codes(generator: "Generator", made: "GeneratedSample") -> Codes:
    """Codes of a sample's text, without EOS."""
    block = generator.vocabulary.slice_of(Modality.TEXT)
    inside = (made.tokens >= block.start) & (made.tokens < block.stop)
    codes: Codes = made.tokens[inside] - block.start
    return codes
