"""A tokenizer is trained or loaded, and the options of the one are not taken with the other."""

from typing import Any

import pytest
from pydantic import ValidationError

from triptych.schemas.config.tokenizers import RvqConfig, SentencePieceConfig, Tokenizers, VqConfig

TRAINING: dict[str, dict[str, Any]] = {
    "text": {"vocab_size": 300, "sample_bytes": 9},
    "image": {"downsample": 4, "codes": 2, "steps": 1},
    "audio": {"sample_rate": 24000, "levels": 1, "codes": 2, "steps": 1},
}
DEFAULTS: dict[str, Any] = {"text": SentencePieceConfig, "image": VqConfig, "audio": RvqConfig}
LOADED = [
    ("text", {"kind": "huggingface", "path": "a"}),
    ("text", {"kind": "tiktoken", "path": "a"}),
    ("image", {"kind": "transformers", "path": "a"}),
    ("audio", {"kind": "transformers", "path": "a"}),
]


@pytest.mark.parametrize("modality", DEFAULTS)
def test_each_modality_has_a_tokenizer_that_is_trained_in_the_run(modality: str) -> None:
    config = getattr(Tokenizers(), modality)
    assert isinstance(config, DEFAULTS[modality])
    assert config.trained_in_run


@pytest.mark.parametrize(("modality", "key"), [(m, key) for m, keys in TRAINING.items() for key in keys])
def test_an_option_of_training_is_refused_beside_a_path(modality: str, key: str) -> None:
    config = DEFAULTS[modality]
    option = {key: TRAINING[modality][key]}
    assert getattr(config.model_validate(option), key) == TRAINING[modality][key]
    with pytest.raises(ValidationError, match=f"`{key}` is set by the tokenizer at `path: a`"):
        config.model_validate(option | {"path": "a"})


@pytest.mark.parametrize("modality", DEFAULTS)
def test_what_is_written_of_a_loaded_tokenizer_can_be_read_again(modality: str) -> None:
    for tree in (TRAINING[modality], {"path": "a"}):
        config = DEFAULTS[modality].model_validate(tree)
        written = config.model_dump(mode="json")
        assert DEFAULTS[modality].model_validate(written) == config
        assert set(TRAINING[modality]).isdisjoint(written) == ("path" in tree)


@pytest.mark.parametrize(("modality", "tree"), LOADED)
def test_other_kinds_are_loaded_and_need_a_path(modality: str, tree: dict[str, str]) -> None:
    config = getattr(Tokenizers.model_validate({modality: tree}), modality)
    assert (config.kind, config.path, config.trained_in_run) == (tree["kind"], "a", False)
    with pytest.raises(ValidationError, match="path\n"):
        Tokenizers.model_validate({modality: {"kind": tree["kind"]}})


def test_a_trained_image_tokenizer_has_whole_tokens() -> None:
    assert VqConfig(size=96, downsample=16).size == 96
    assert VqConfig(size=100, path="a").size == 100
    with pytest.raises(ValidationError, match="`size: 100` is not a multiple of `downsample: 8`"):
        VqConfig(size=100)


def test_the_default_model_identifies_and_unigram_is_what_run_files_of_before_meant() -> None:
    before = {"path": None, "kind": "sentencepiece", "vocab_size": 8000, "sample_bytes": 10_000_000}
    assert SentencePieceConfig().identity_body() == before | {"model": "bpe"}
    assert SentencePieceConfig(model="unigram").identity_body() == before
    assert SentencePieceConfig(path="t").identity_body() == {"path": "t", "kind": "sentencepiece"}
    with pytest.raises(ValidationError, match="`model` is set by the tokenizer at `path: t`"):
        SentencePieceConfig(path="t", model="bpe")
