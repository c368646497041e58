"""Count how many of twenty glyphs and twenty words that the demo's model generates are recognized."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .recognise import NAMED, SPOKEN, Alphabet, Words, name_of

if TYPE_CHECKING:
    from ...schemas.config.sampling import SamplingConfig
    from ...train.evaluate.report.exhibits import Exhibit
    from ...train.evaluate.report.metric import Metric
    from ...train.generate.generator import Generator


def judged(
    generator: Generator,
    seed: int,
    config: SamplingConfig | None = None,
    glyphs: Sequence[str] = NAMED,
    words: Sequence[str] = SPOKEN,
) -> list[Metric | Exhibit]:
    """Generate glyphs and words, and report how many are recognized.

    Args:
        generator: The trained run.
        seed: Random seed of the samples.
        config: Sampling settings; the defaults of each task if None.
        glyphs: Characters to generate.
        words: Words to generate.

    Returns:
        Two rows of the report, and each sample beside the reference of its prompt.
    """
    from ...schemas.config.model import Task

    images = _glyphs(generator, config or generator.defaults(Task.T2I), seed, glyphs)
    return [*images, *_words(generator, config or generator.defaults(Task.T2S), seed, words)]


def _glyphs(generator: Generator, config: SamplingConfig, seed: int, prompts: Sequence[str]) -> list[Metric | Exhibit]:
    from ...schemas.config.model import Task
    from ...train.evaluate.report.exhibits import Exhibit, png

    alphabet, tokenizer = Alphabet(), generator.bundle.image
    drawn = [alphabet.template(character) for character in prompts]
    samples = generator.generate(Task.T2I, [name_of(one) for one in prompts], config, seed).samples
    made = [sample.pixels for sample in samples if sample.pixels is not None]
    found = [alphabet.nearest(pixels) for pixels in made]
    floor = [alphabet.nearest(pixels) for pixels in tokenizer.decode(tokenizer.encode(np.stack(drawn)))]
    seen = [f"{name_of(prompt)}: {_verdict(prompt, glyph)}" for prompt, glyph in zip(prompts, found, strict=True)]
    pictures = [[png(pixels) for pixels in side] for side in (made, drawn)]
    exhibits = [Exhibit("glyphs", *one) for one in zip(seen, *pictures, strict=True)]
    return [_row("glyphs", "images recognized as the prompted glyph", prompts, found, floor, alphabet.size), *exhibits]


def _words(generator: Generator, config: SamplingConfig, seed: int, prompts: Sequence[str]) -> list[Metric | Exhibit]:
    from ...schemas.config.model import Task
    from ...train.evaluate.report.exhibits import Exhibit, wav

    words, codec = Words(), generator.bundle.audio
    spoken = [words.template(word) for word in prompts]
    samples = generator.generate(Task.T2S, prompts, config, seed).samples
    made = [sample.wave for sample in samples if sample.wave is not None]
    found = [words.nearest(wave) for wave in made]
    floor = [words.nearest(codec.decode(codes)) for codes in codec.encode(spoken)]
    heard = [f"{prompt}: {_verdict(prompt, word)}" for prompt, word in zip(prompts, found, strict=True)]
    sounds = [[wav(wave, codec.sample_rate) for wave in waves] for waves in (made, spoken)]
    exhibits = [Exhibit("words", *one) for one in zip(heard, *sounds, strict=True)]
    return [_row("words", "clips recognized as the prompted word", prompts, found, floor, words.size), *exhibits]


def _verdict(prompt: str, seen: str) -> str:
    return "recognized" if prompt == seen else f"recognized as {seen if len(seen) > 1 else name_of(seen)}"


def _row(
    group: str, name: str, prompts: Sequence[str], found: Sequence[str], floor: Sequence[str], choices: int
) -> Metric:
    from ...train.evaluate.report.metric import Metric

    def share(recognized: Sequence[str]) -> float:
        return sum(one == other for one, other in zip(prompts, recognized, strict=True)) / len(prompts)

    value = share(found)
    error = math.sqrt(value * (1 - value) / len(prompts))
    note = f"by nearest neighbour among {choices}; chance level {1 / choices:.1%}"
    return Metric(group, name, 100 * value, 100 * error, len(prompts), "%", "higher", 100 * share(floor), note)
