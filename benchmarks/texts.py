"""The texts that benchmarks of text deduplication read, and their shingles as a regular expression finds them."""

import gzip
import json
import re
from collections.abc import Hashable, Sequence, Set

_WORD = re.compile(r"\w+")
_LETTERS = re.compile(r"[^\W_]+")


def read_texts(files: Sequence[str], megabytes: float, least: int, most: int) -> list[str]:
    """The first megabytes of English: of `least` to `most` characters, nearly all ASCII, with its share of “the”."""
    texts: list[str] = []
    size = 0.0
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            for line in stream:
                text = json.loads(line)["text"]
                if least <= len(text) <= most and _is_english(text):
                    texts.append(text)
                    size += len(text.encode()) / 1e6
                    if size >= megabytes:
                        return texts
    return texts


def _is_english(text: str) -> bool:
    return text.count(" the ") * 300 > len(text) and sum(map(str.isascii, text)) > 0.98 * len(text)


def regex_shingles(text: str) -> list[str]:
    """Shingles of five words as one writes them in Python."""
    words = _WORD.findall(text.lower())
    return [" ".join(five) for five in zip(words, words[1:], words[2:], words[3:], words[4:], strict=False)]


def exact_shingles(text: str, n: int = 5) -> set[tuple[str, ...]]:
    """The set of shingles that MinHash stands for, without a hash; a short text is one shingle."""
    words = _LETTERS.findall(text.lower())
    return {tuple(words[at : at + n]) for at in range(max(len(words) - n + 1, min(len(words), 1)))}


def jaccard(one: Set[Hashable], other: Set[Hashable]) -> float:
    """Share of shingles that two texts have in common of all that either has."""
    return len(one & other) / max(len(one | other), 1)
