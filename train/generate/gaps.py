r"""Gaps in a text prompt: `<gap:8>` stands for 8 tokens to generate, `\<gap:8>` for the text `<gap:8>` itself.

The texts around a gap are encoded so that they come back as they were given. Many tokenizers put a space before each
text that they encode, or remove spaces at its ends, which would change a word that has a gap in it. So a text is
encoded beside a neighbour whose tokens are cut off again, and the result is decoded and compared.
"""

import re
from collections.abc import Iterator

import numpy as np

from ...schemas.errors import Refusal
from ...tokenizers.protocol import TextTokenizer
from .samples import MASKED, Ints

GAP = re.compile(r"(\\*)<gap:(\d+)>")
LONGEST = 1 << 20  # tokens of a gap
# which neighbour keeps its tokens to itself depends on the tokenizer: letters of a word, symbols, an unknown character
_NEIGHBOURS = ("", "a", "e", "s", "x", "i", "1", ".", "-", "☺", "中", "\n")
_CONTEXTS = ("a", "the", "1")  # before a text that follows a gap


def split_gaps(text: str) -> list[str | int]:
    r"""Split a text into texts and lengths of gaps, in their order; empty texts are left out.

    Of backslashes directly before `<gap:N>`, each pair is one backslash; a single one left over makes it plain text.

    Raises:
        Refusal: A gap of no token, or of more than LONGEST.
    """
    parts: list[str | int] = []
    plain, end = "", 0
    for found in GAP.finditer(text):
        slashes, number = found[1], found[2]
        plain += text[end : found.start()] + "\\" * (len(slashes) // 2)
        end = found.end()
        if len(slashes) % 2:
            plain += f"<gap:{number}>"
            continue
        if len(number) > len(str(LONGEST)) or not 0 < int(number) <= LONGEST:
            raise Refusal(f"`<gap:{number[:30]}>`: a gap has 1 to {LONGEST:,} tokens. Write `\\<gap:N>` for the text.")
        parts += [plain, int(number)] if plain else [int(number)]
        plain = ""
    plain += text[end:]
    return [*parts, plain] if plain else parts


def encode_with_gaps(tokenizer: TextTokenizer, parts: list[str | int]) -> Ints:
    """Encode the parts of `split_gaps`: codes, int64 (n,), with MASKED in the gaps.

    Raises:
        Refusal: A text around a gap cannot be given to this tokenizer unchanged.
    """
    arrays = [
        np.full(part, MASKED) if isinstance(part, int) else _encode_beside_gap(tokenizer, part, first=at == 0)
        for at, part in enumerate(parts)
    ]
    return np.concatenate(arrays)


def _encode(tokenizer: TextTokenizer, text: str) -> Ints:
    return tokenizer.encode([text])[0].astype(np.int64)


def _encode_beside_gap(tokenizer: TextTokenizer, text: str, *, first: bool) -> Ints:
    """Codes that decode to exactly `text`: at the beginning (`first`), or after other tokens."""
    contexts = [np.zeros(0, np.int64)] if first else [_encode(tokenizer, context) for context in _CONTEXTS]
    before = [tokenizer.decode(context) for context in contexts]

    def kept(codes: Ints) -> bool:
        pairs = zip(contexts, before, strict=True)
        return all(tokenizer.decode(np.append(context, codes)) == given + text for context, given in pairs)

    for codes in _candidates(tokenizer, text):
        if kept(codes):
            return codes
    became = tokenizer.decode(np.append(contexts[0], _encode(tokenizer, text))).removeprefix(before[0])
    raise Refusal(
        f"the tokenizer of this run cannot keep the text beside a gap as it is: `{_short(text)}` would become "
        f"`{_short(became)}`. Write it as the tokenizer does, give a prompt without gaps, or use a run with a "
        "tokenizer that restores every text."
    )


def _candidates(tokenizer: TextTokenizer, text: str) -> Iterator[Ints]:
    """Codes of a text alone, then between neighbours, whose tokens are cut off."""
    yield _encode(tokenizer, text)
    for left in _NEIGHBOURS:
        beginning = _encode(tokenizer, left)
        for right in _NEIGHBOURS:
            codes = _encode(tokenizer, left + text + right)
            cut = len(beginning)
            if cut >= len(codes) or not np.array_equal(codes[:cut], beginning):
                continue
            # a neighbour's token may take the space before it along, so its end is not known
            for end in range(len(codes), max(cut, len(codes) - 1 - 4 * len(right)), -1):
                yield codes[cut:end]


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"
