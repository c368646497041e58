"""A mix has every part of a dataset once, with a weight above nothing."""

from typing import Any

import pytest
from pydantic import ValidationError

from triptych.schemas.config.mix import MixFile
from triptych.schemas.vocabulary import Kind


def mix(*datasets: dict[str, Any]) -> MixFile:
    return MixFile.model_validate({"datasets": [{"weight": 1} | entry for entry in datasets], "batch_tokens": 64})


def test_parts_of_one_dataset_stand_side_by_side() -> None:
    parts = mix(
        {"path": "out/a"},
        {"path": "out/a", "modality": "text"},
        {"path": "out/a", "modality": "image-text"},
        {"path": "out/a", "modality": "text", "sources": ["docs"]},
        {"path": "out/b"},
    )
    assert [entry.modality for entry in parts.datasets] == [None, Kind.TEXT, Kind.IMAGE_TEXT, Kind.TEXT, None]
    assert parts.seed == 0


@pytest.mark.parametrize("also", [{}, {"modality": "text"}, {"sources": ["docs"]}])
def test_the_same_part_twice_is_refused_whatever_its_weight(also: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"out/a.* is listed twice.*add the two weights"):
        mix({"path": "out/a", "weight": 1} | also, {"path": "out/b"}, {"path": "out/a/", "weight": 2} | also)


@pytest.mark.parametrize("entry", [{"weight": 0}, {"path": ""}, {"sources": []}, {"max_epochs": 0}, {"modality": "x"}])
def test_an_entry_that_takes_nothing_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        mix({"path": "out/a"} | entry)
    assert caught.value.errors()[0]["loc"] == ("datasets", 0, *entry)


def test_a_mix_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1"):
        mix()
