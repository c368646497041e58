"""The kind of a source is that of its columns, and columns that do not fit a kind that is given are refused."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from triptych.schemas.config.sources import Source
from triptych.schemas.vocabulary import Kind

SOURCE: TypeAdapter[Source] = TypeAdapter(Source)


def source(**keys: Any) -> Source:
    return SOURCE.validate_python({"name": "a", "kind": "parquet", "path": "a.parquet", "text": "text"} | keys)


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({}, Kind.TEXT),
        ({"image": "png"}, Kind.IMAGE_TEXT),
        ({"audio": "wav"}, Kind.AUDIO_TEXT),
        ({"image": "png", "audio": "wav"}, Kind.IMAGE_AUDIO_TEXT),
    ],
)
def test_columns_imply_the_kind_and_no_other_fits(columns: dict[str, str], kind: Kind) -> None:
    assert source(**columns).modality is kind
    for other in Kind:
        if other is kind:
            assert source(**columns, modality=other).modality is kind
        else:
            with pytest.raises(ValidationError, match=r"needs `(image|audio):`|is not used in modality"):
                source(**columns, modality=other)


def test_fields_are_candidate_columns_in_order_of_preference() -> None:
    given = source(kind="webdataset", image="jpg; png ;webp", license="license")
    assert given.fields == {"text": ("text",), "image": ("jpg", "png", "webp"), "license": ("license",)}


def test_lines_of_json_hold_text_only() -> None:
    assert source(kind="jsonl").kind == "jsonl"
    with pytest.raises(ValidationError, match="kind jsonl holds text only, not image-text"):
        source(kind="jsonl", image="png")


def test_pairs_are_for_sources_with_media() -> None:
    assert source(image="png", pairs="both").pairs == "both"
    with pytest.raises(ValidationError, match="`pairs: both` is not used by a source of text only"):
        source(pairs="both")


@pytest.mark.parametrize("name", ["", "-a", "a/b", "a b", ".a"])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    assert source(name="a-b_c.2").name == "a-b_c.2"
    with pytest.raises(ValidationError, match="pattern"):
        source(name=name)
