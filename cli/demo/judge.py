"""Whether the demo's model says what it is asked for: twenty glyphs by their names, and twenty words."""

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


def judged(generator: Generator, seed: int, config: SamplingConfig | None = None) -> list[Metric | Exhibit]:
    """How many are recognised, as rows of a report, and each beside what was asked for, to look at and to hear.

    Without a `config` they are made by the defaults of their tasks.
    """
    from ...schemas.config.model import Task

    glyphs = _glyphs(generator, config or generator.defaults(Task.T2I), seed)
    return [*glyphs, *_words(generator, config or generator.defaults(Task.T2S), seed)]


def _glyphs(generator: Generator, config: SamplingConfig, seed: int) -> list[Metric | Exhibit]:
    from ...schemas.config.model import Task
    from ...train.evaluate.report.exhibits import Exhibit, png

    alphabet, tokenizer = Alphabet(), generator.bundle.image
    drawn = [alphabet.template(character) for character in NAMED]
    samples = generator.generate(Task.T2I, [name_of(one) for one in NAMED], config, seed).samples
    made = [sample.pixels for sample in samples if sample.pixels is not None]
    asked = list(NAMED)
    found = [alphabet.nearest(pixels) for pixels in made]
    floor = [alphabet.nearest(pixels) for pixels in tokenizer.decode(tokenizer.encode(np.stack(drawn)))]
    seen = [f"{name_of(wanted)}: {_verdict(wanted, glyph)}" for wanted, glyph in zip(asked, found, strict=True)]
    pictures = [[png(pixels) for pixels in side] for side in (made, drawn)]
    exhibits = [Exhibit("glyphs", *one) for one in zip(seen, *pictures, strict=True)]
    return [_row("glyphs", "pictures recognised as the glyph asked for", asked, found, floor, alphabet.size), *exhibits]


def _words(generator: Generator, config: SamplingConfig, seed: int) -> list[Metric | Exhibit]:
    from ...schemas.config.model import Task
    from ...train.evaluate.report.exhibits import Exhibit, wav

    words, codec = Words(), generator.bundle.audio
    spoken = [words.template(word) for word in SPOKEN]
    samples = generator.generate(Task.T2S, SPOKEN, config, seed).samples
    made = [sample.wave for sample in samples if sample.wave is not None]
    asked = list(SPOKEN)
    found = [words.nearest(wave) for wave in made]
    floor = [words.nearest(codec.decode(codes)) for codes in codec.encode(spoken)]
    heard = [f"{wanted}: {_verdict(wanted, word)}" for wanted, word in zip(asked, found, strict=True)]
    sounds = [[wav(wave, codec.sample_rate) for wave in waves] for waves in (made, spoken)]
    exhibits = [Exhibit("words", *one) for one in zip(heard, *sounds, strict=True)]
    return [_row("words", "clips recognised as the word asked for", asked, found, floor, words.size), *exhibits]


def _verdict(wanted: str, seen: str) -> str:
    return "recognised" if wanted == seen else f"taken for {seen if len(seen) > 1 else name_of(seen)}"


def _row(
    group: str, name: str, asked: Sequence[str], found: Sequence[str], floor: Sequence[str], choices: int
) -> Metric:
    from ...train.evaluate.report.metric import Metric

    def share(told: Sequence[str]) -> float:
        return sum(one == other for one, other in zip(asked, told, strict=True)) / len(asked)

    value = share(found)
    error = math.sqrt(value * (1 - value) / len(asked))
    note = f"by nearest neighbour among {choices}: a guess is right in {1 / choices:.1%}"
    return Metric(group, name, 100 * value, 100 * error, len(asked), "%", "higher", 100 * share(floor), note)
