"""A modality is compared when its block is given, and thresholds that would match everything are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from triptych.schemas.config.dedup import Dedup
from triptych.schemas.vocabulary import Modality


def test_only_the_modalities_given_are_compared() -> None:
    dedup = Dedup.model_validate({"text": {}, "audio": {"near": True}})
    assert dedup.of(Modality.TEXT) is dedup.text
    assert dedup.of(Modality.AUDIO) is dedup.audio
    assert dedup.of(Modality.IMAGE) is None
    assert dedup.of(Modality.SPECIAL) is None
    assert [Dedup().of(modality) for modality in Modality] == [None] * 4


def test_near_duplicates_are_left_alone_unless_asked_for() -> None:
    dedup = Dedup.model_validate({"text": {}, "image": {}, "audio": {}})
    assert dedup.text is not None
    assert dedup.image is not None
    assert dedup.audio is not None
    assert (dedup.text.near, dedup.image.near, dedup.image.semantic, dedup.audio.near) == (None, None, None, False)
    assert (dedup.text.exact, dedup.image.exact, dedup.audio.exact, dedup.pairs) == (True, True, True, "media")


@pytest.mark.parametrize(
    ("tree", "key"),
    [
        ({"text": {"exact": False}}, "text.exact"),
        ({"text": {"near": {"threshold": 0.2}}}, "text.near.threshold"),
        ({"text": {"near": {"threshold": 1.0}}}, "text.near.threshold"),
        ({"text": {"near": {"words": 0}}}, "text.near.words"),
        ({"image": {"near": {"radius": 13}}}, "image.near.radius"),
        ({"image": {"semantic": {}}}, "image.semantic.path"),
        ({"image": {"semantic": {"path": "clip", "threshold": 0}}}, "image.semantic.threshold"),
        ({"pairs": "all"}, "pairs"),
    ],
)
def test_what_would_match_everything_or_nothing_is_refused(tree: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Dedup.model_validate(tree)
    assert [".".join(map(str, error["loc"])) for error in caught.value.errors()] == [key]
