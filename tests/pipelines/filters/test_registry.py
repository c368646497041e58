"""Each filter has its function and modality, and is identified by its settings, not by the sources that it is for."""

from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from triptych.pipelines.filters.registry import FILTERS, check_filter, filter_function, identity_of, modality_of
from triptych.schemas.config.filters import audio, image, text
from triptych.schemas.config.filters.union import AnyFilter
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Modality

BY_MODALITY: dict[Modality, Any] = {
    Modality.TEXT: text.TextFilter,
    Modality.IMAGE: image.ImageFilter,
    Modality.AUDIO: audio.AudioFilter,
}


def rule(**settings: Any) -> AnyFilter:
    found: AnyFilter = TypeAdapter(AnyFilter).validate_python(settings)
    return found


def test_every_filter_is_listed_with_the_modality_of_its_settings() -> None:
    expected = {
        get_args(kind.model_fields["name"].annotation)[0]: modality
        for modality, union in BY_MODALITY.items()
        for kind in get_args(union)
    }
    assert {name: modality for name, (modality, _) in FILTERS.items()} == expected | {"column": Modality.TEXT}
    assert modality_of(rule(name="pii")) is Modality.TEXT
    assert modality_of(rule(name="silence")) is Modality.AUDIO


def test_a_function_has_the_name_of_its_filter() -> None:
    for given in (rule(name="pii"), rule(name="repetition"), rule(name="image_constant"), rule(name="clipping")):
        function = filter_function(given)
        assert function.__name__ == given.name
        assert function.__module__.endswith(f".filters.{FILTERS[given.name][1]}")


def test_settings_identify_a_filter_and_its_sources_do_not() -> None:
    plain = identity_of(rule(name="pii"))
    assert plain == {"name": "pii", "max": 0}
    assert identity_of(rule(name="pii", sources=["docs"])) == plain
    assert identity_of(rule(name="pii", max=1)) != plain


def test_a_filter_without_its_weights_is_refused(tmp_path: Any) -> None:
    check_filter(rule(name="pii"))
    with pytest.raises(Refusal, match="nowhere"):
        check_filter(rule(name="clip_score", min=0.2, path=str(tmp_path / "nowhere")))
