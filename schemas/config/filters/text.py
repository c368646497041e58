"""Text filters and their thresholds. The defaults are those of the papers that introduced the filters."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from .base import Filter

Share = Annotated[float, Field(ge=0, le=1)]
Grams = dict[Annotated[int, Field(ge=2, le=20)], Share]


class TextLength(Filter):
    """Drops texts with too few or too many characters or words."""

    name: Literal["text_length"]
    min_chars: PositiveInt | None = Field(None, description="Minimum number of characters")
    max_chars: PositiveInt | None = Field(None, description="Maximum number of characters")
    min_words: PositiveInt | None = Field(None, description="Minimum number of words, split at white space")
    max_words: PositiveInt | None = Field(None, description="Maximum number of words, split at white space")

    @model_validator(mode="after")
    def _bounds_leave_something(self) -> "TextLength":
        bounds = {"chars": (self.min_chars, self.max_chars), "words": (self.min_words, self.max_words)}
        if all(bound is None for pair in bounds.values() for bound in pair):
            raise ValueError("it has no bound; give one of min_chars, max_chars, min_words, max_words")
        for what, (least, most) in bounds.items():
            if least is not None and most is not None and least > most:
                raise ValueError(f"`min_{what}: {least}` is above `max_{what}: {most}`; no text would be kept")
        return self


class SymbolRatio(Filter):
    """Drops texts of symbols, bullets and truncated lines (Rae et al. 2021, https://arxiv.org/abs/2112.11446)."""

    name: Literal["symbol_ratio"]
    max_symbols: float = Field(0.1, ge=0, description="Maximum number of hash signs, and of ellipses, per word")
    max_bullet_lines: Share = Field(0.9, description="Maximum share of lines that begin with a bullet")
    max_ellipsis_lines: Share = Field(0.3, description="Maximum share of lines that end with an ellipsis")
    min_alphabetic: Share = Field(0.8, description="Minimum share of words that contain a letter")


class Repetition(Filter):
    """Drops repetitive texts (Rae et al. 2021, https://arxiv.org/abs/2112.11446, table A1)."""

    name: Literal["repetition"]
    max_lines: Share = Field(0.3, description="Maximum share of lines that repeat an earlier line")
    max_paragraphs: Share = Field(0.3, description="Maximum share of paragraphs that repeat an earlier paragraph")
    max_line_chars: Share = Field(0.2, description="Maximum share of characters in repeated lines")
    max_paragraph_chars: Share = Field(0.2, description="Maximum share of characters in repeated paragraphs")
    max_top_ngram: Grams = Field(
        {2: 0.2, 3: 0.18, 4: 0.16},
        description="By n: maximum share of characters in the most frequent word n-gram",
    )
    max_duplicate_ngrams: Grams = Field(
        {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.1},
        description="By n: maximum share of characters in repeated word n-grams",
    )


class Language(Filter):
    """Drops texts in other languages than those listed, identified by fastText."""

    name: Literal["language"]
    keep: tuple[str, ...] = Field(min_length=1, description="Codes of the languages to keep, such as en")
    min_confidence: Share = Field(0.5, description="Drop texts whose language is identified with less confidence")


class Pii(Filter):
    """Drops texts with personal data: e-mail addresses, phone numbers or public IP addresses."""

    name: Literal["pii"]
    max: NonNegativeInt = Field(0, description="Maximum number of addresses and numbers in a text")


TextFilter = TextLength | SymbolRatio | Repetition | Language | Pii
