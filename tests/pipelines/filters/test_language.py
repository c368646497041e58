"""Languages by fastText's bundled model, and what is refused before any work."""

import importlib.util
from typing import Any

import pytest

from triptych.pipelines.filters.registry import check_filter
from triptych.schemas.config.filters.text import Language
from triptych.schemas.errors import Refusal

TEXTS = [
    "The old harbour lay in fog until noon, and nobody on the quay spoke of the night before.",
    "Der alte Hafen lag bis zum Mittag im Nebel,\nund niemand am Kai sprach von der vergangenen Nacht.",
    "Le vieux port est resté dans le brouillard jusqu'à midi.",
    "7 7 7",
]


@pytest.mark.parametrize(("keep", "left"), [(("en",), {0}), (("en", "de"), {0, 1}), (("fr",), {2})])
def test_the_languages_named_stay(judge: Any, keep: tuple[str, ...], left: set[int]) -> None:
    assert set(range(4)) - set(judge(Language(name="language", keep=keep), TEXTS)) == left


def test_the_detail_names_the_language(judge: Any) -> None:
    (detail,) = judge(Language(name="language", keep=("de",)), TEXTS)[2]
    assert detail.startswith("fr with 0.") or detail == "fr with 1.00"


def test_a_doubtful_text_is_of_no_language(judge: Any) -> None:
    everything = Language(name="language", keep=("en", "ja", "zh", "de", "fr"), min_confidence=1.0)
    assert 3 in judge(everything, TEXTS)
    assert 0 not in judge(Language(name="language", keep=("en",), min_confidence=0.0), TEXTS)


def test_only_the_beginning_is_read(judge: Any) -> None:
    english = TEXTS[0] * 30
    assert judge(Language(name="language", keep=("en",)), [english + TEXTS[1] * 90]) == {}


def test_a_code_that_the_model_does_not_know_is_refused() -> None:
    check_filter(Language(name="language", keep=("en", "ceb")))
    with pytest.raises(Refusal, match=r"`keep: eng`, which the model does not know.*: af, als, am, .*en, .*zh\."):
        check_filter(Language(name="language", keep=("en", "eng")))


def test_without_the_extra_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Refusal, match=r"not installed.*triptych\[language\]"):
        check_filter(Language(name="language", keep=("en",)))
