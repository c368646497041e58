"""A value matches an evaluation set by its words or as a near duplicate, and values of the set do not match alone."""

from typing import Any

import pyarrow as pa
import pytest

from triptych.pipelines.decontaminate.match import Match, match_of
from triptych.schemas.config.dedup import NearImage
from triptych.schemas.config.run import Limits
from triptych.schemas.vocabulary import Modality

QUESTION = " ".join(f"word{number}" for number in range(20))


def hits(match: Match, values: list[Any], known: list[Any]) -> list[tuple[int, str]]:
    type_ = pa.string() if match.modality is Modality.TEXT else pa.binary()
    index = pa.concat_tables([match.index(pa.chunked_array([[value]], type_)) for value in known])
    half = len(values) // 2
    return list(match.hits(pa.chunked_array([values[:half], values[half:]], type_), index))


def test_a_text_matches_by_the_words_that_it_shares() -> None:
    match = match_of(Modality.TEXT, None, Limits())
    values = ["other words", f"Before: {QUESTION.upper()} after", "word0 word1", QUESTION]
    found = dict(hits(match, values, ["nothing of it", QUESTION]))
    assert sorted(found) == [1, 3]
    assert all(shared in QUESTION and shared.startswith("word0 word1") for shared in found.values())


@pytest.mark.parametrize("near", [None, NearImage(radius=2)])
def test_an_image_matches_its_own_kind_and_nothing_else(makers: Any, near: NearImage | None) -> None:
    match = match_of(Modality.IMAGE, near, Limits())
    known = [makers.picture(seed) for seed in (1, 2, 2)]
    values = [makers.picture(3), makers.picture(2), b"no image", makers.picture(1), makers.picture(2)]
    assert hits(match, values, known) == [(1, ""), (3, ""), (4, "")]
    # copies among the values, or among the set, are no match by themselves
    assert hits(match, [makers.picture(7)] * 3, known) == []
    assert hits(match, [b"no image"], known) == hits(match, values, [b"no image"]) == []


def test_how_images_are_compared_is_part_of_the_identity() -> None:
    limits = Limits()
    apart = [match_of(Modality.IMAGE, near, limits).identity() for near in (None, NearImage(), NearImage(radius=3))]
    assert apart[0] == apart[1] != apart[2]
