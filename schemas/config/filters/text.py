"""Filters of texts: thresholds as keys, with the defaults of the papers that they come from."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from .base import Filter

Share = Annotated[float, Field(ge=0, le=1)]
Grams = dict[Annotated[int, Field(ge=2, le=20)], Share]


class TextLength(Filter):
    """Texts of too few or too many characters or words."""

    name: Literal["text_length"]
    min_chars: PositiveInt | None = Field(None, description="Characters of a text, at least")
    max_chars: PositiveInt | None = Field(None, description="Characters of a text, at most")
    min_words: PositiveInt | None = Field(None, description="Runs without white space, at least")
    max_words: PositiveInt | None = Field(None, description="Runs without white space, at most")

    @model_validator(mode="after")
    def _bounds_leave_something(self) -> "TextLength":
        bounds = {"chars": (self.min_chars, self.max_chars), "words": (self.min_words, self.max_words)}
        if all(bound is None for pair in bounds.values() for bound in pair):
            raise ValueError("it has no bound; give one of min_chars, max_chars, min_words, max_words")
        for what, (least, most) in bounds.items():
            if least is not None and most is not None and least > most:
                raise ValueError(f"`min_{what}: {least}` is above `max_{what}: {most}`; no text is left")
        return self


class SymbolRatio(Filter):
    """Texts of symbols, bullets and broken-off lines rather than words (Rae et al. 2021)."""

    name: Literal["symbol_ratio"]
    max_symbols: float = Field(0.1, ge=0, description="Hash signs a word, and likewise ellipses a word")
    max_bullet_lines: Share = Field(0.9, description="Share of lines that begin with a bullet")
    max_ellipsis_lines: Share = Field(0.3, description="Share of lines that end with an ellipsis")
    min_alphabetic: Share = Field(0.8, description="Share of words with a letter")


class Repetition(Filter):
    """Texts that repeat themselves (Rae et al. 2021, table A1)."""

    name: Literal["repetition"]
    max_lines: Share = Field(0.3, description="Share of lines that were there before")
    max_paragraphs: Share = Field(0.3, description="Share of paragraphs that were there before")
    max_line_chars: Share = Field(0.2, description="Share of characters in such lines")
    max_paragraph_chars: Share = Field(0.2, description="Share of characters in such paragraphs")
    max_top_ngram: Grams = Field(
        {2: 0.2, 3: 0.18, 4: 0.16}, description="By n: share of characters in the most frequent n-gram of words"
    )
    max_duplicate_ngrams: Grams = Field(
        {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.1},
        description="By n: share of characters in n-grams of words that were there before",
    )


class Language(Filter):
    """Texts in other languages than some, by fastText."""

    name: Literal["language"]
    keep: tuple[str, ...] = Field(min_length=1, description="Languages to keep, such as en")
    min_confidence: Share = Field(0.5, description="Below it a text is of no known language")


class Pii(Filter):
    """Texts with e-mail addresses, phone numbers or public IP addresses."""

    name: Literal["pii"]
    max: NonNegativeInt = Field(0, description="How many of them a text may have")


TextFilter = TextLength | SymbolRatio | Repetition | Language | Pii
