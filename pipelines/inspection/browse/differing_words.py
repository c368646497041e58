"""Which words of a text differ from those of another, in their order."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

_PIECE = re.compile(r"\s+|\S+")


def differing_words(kept: str, other: str) -> Iterator[tuple[str, bool]]:
    """Yield the words of `other` and the spaces between them; True for a word that `kept` does not have there."""
    pieces = _PIECE.findall(other)
    words = [at for at, piece in enumerate(pieces) if not piece.isspace()]
    match = SequenceMatcher(None, kept.split(), [pieces[at] for at in words], autojunk=False)
    same = {words[at] for _, start, count in match.get_matching_blocks() for at in range(start, start + count)}
    return ((piece, at not in same and not piece.isspace()) for at, piece in enumerate(pieces))
