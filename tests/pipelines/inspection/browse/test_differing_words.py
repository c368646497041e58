"""Words of a duplicate that differ from the row that was kept."""

import pytest

from triptych.pipelines.inspection.browse.differing_words import differing_words


@pytest.mark.parametrize(
    ("kept", "other", "marked"),
    [
        ("Return a > b, not a <= b", "Return a <= b, not a > b", ["<=", ">"]),  # the same words in another order
        ("one two three", "one two three", []),
        ("one  two\nthree", " one two three ", []),
        ("one two three", "one new two three more", ["new", "more"]),
        ("one two three", "one three", []),
        ("", "one two", ["one", "two"]),
        ("one two", "", []),
        ("the cat", "the the cat", ["the"]),
    ],
)
def test_words_are_compared_in_their_order(kept: str, other: str, marked: list[str]) -> None:
    found = list(differing_words(kept, other))
    assert "".join(piece for piece, _ in found) == other
    assert [piece for piece, differs in found if differs] == marked
