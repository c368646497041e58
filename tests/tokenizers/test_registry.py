import subprocess
import sys
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from triptych.schemas.config.tokenizers import (
    RvqConfig,
    SentencePieceConfig,
    TiktokenConfig,
    TransformersImageConfig,
    VqConfig,
)
from triptych.schemas.errors import Refusal
from triptych.tokenizers import registry
from triptych.tokenizers.protocol import TextTokenizer

LIGHT = """
import sys
from triptych.schemas.config.tokenizers import VqConfig
from triptych.tokenizers import registry
assert registry.tokens_per_picture(VqConfig(path=sys.argv[1], size=32)) == 16, "tokens"
heavy = {"torch", "diffusers", "transformers", "sentencepiece", "tiktoken", "datasets"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture
def text_folder(tmp_path: Path) -> Path:
    registry.train(SentencePieceConfig(), ["a few words", "and a few more"], tmp_path / "t", seed=0, threads=1)
    return tmp_path / "t"


@pytest.fixture(scope="module")
def vq_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vq")
    pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    steps: list[tuple[int, int]] = []
    config = VqConfig(size=32, codes=8, steps=3)
    registry.train(config, pictures, folder, seed=0, threads=1, report=lambda *step: steps.append(step))
    assert steps[-1] == (3, 3)
    return folder


def test_a_tokenizer_is_loaded_once(text_folder: Path) -> None:
    config = SentencePieceConfig()
    loaded = registry.load_text(config, str(text_folder))
    assert registry.load(SentencePieceConfig(), str(text_folder)) is loaded
    assert loaded.decode(loaded.encode(["more words"])[0]) == "more words"


def test_a_folder_trained_anew_is_loaded_anew(text_folder: Path) -> None:
    before = registry.load(SentencePieceConfig(), str(text_folder)).fingerprint
    registry.train(SentencePieceConfig(), ["quite other text"], text_folder, seed=0, threads=1)
    assert registry.load(SentencePieceConfig(), str(text_folder)).fingerprint != before


def test_path_and_folder_name_the_same_tokenizer(text_folder: Path) -> None:
    by_path = registry.load(SentencePieceConfig(path=str(text_folder / "text.model")))
    assert by_path.fingerprint == registry.load(SentencePieceConfig(), str(text_folder)).fingerprint


def test_a_folder_goes_before_the_path(text_folder: Path, tmp_path: Path) -> None:
    config = SentencePieceConfig(path=str(tmp_path / "moved away"))
    tokenizer = cast(TextTokenizer, registry.load(config, str(text_folder)))
    assert tokenizer.size > 256


def test_neither_trained_nor_given_is_refused() -> None:
    with pytest.raises(Refusal, match="neither trained yet nor given"):
        registry.load(SentencePieceConfig())


def test_a_given_tokenizer_is_not_trained(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="is loaded, so it cannot be trained"):
        registry.train(TiktokenConfig(kind="tiktoken", path="x"), ["text"], tmp_path, seed=0, threads=1)


def test_pictures_trained_and_loaded(vq_folder: Path) -> None:
    tokenizer = registry.load_image(VqConfig(size=32, codes=8, steps=3), str(vq_folder))
    codes = tokenizer.encode(np.zeros((2, 32, 32, 3), np.uint8))
    assert codes.shape == (2, tokenizer.tokens)
    assert tokenizer.tokens == registry.tokens_per_picture(VqConfig(path=str(vq_folder), size=32))


def test_clips_trained_and_loaded(tmp_path: Path) -> None:
    waves = [np.random.default_rng(i).normal(0, 0.1, 8000).astype(np.float32) for i in range(2)]
    config = RvqConfig(levels=2, codes=4, steps=2)
    registry.train(config, waves, tmp_path, seed=0, threads=1)
    tokenizer = registry.load_audio(config, str(tmp_path))
    assert tokenizer.sizes == (4, 4)
    assert tokenizer.encode(waves)[0].shape[1] == 2


def test_tokens_per_picture_needs_no_model(vq_folder: Path) -> None:
    assert registry.tokens_per_picture(VqConfig()) == 256
    assert registry.tokens_per_picture(VqConfig(size=64, downsample=4)) == 256
    subprocess.run([sys.executable, "-c", LIGHT, str(vq_folder)], check=True, timeout=60)


def test_tokens_per_picture_of_transformers_models(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "emu3_vqgan", "channel_multiplier": [1, 2, 2, 4]}')
    config = TransformersImageConfig(kind="transformers", path=str(tmp_path), size=256)
    assert registry.tokens_per_picture(config) == 1024


@pytest.mark.parametrize("content", [None, "no json", "[1]", '{"model_type": "other"}'])
def test_tokens_per_picture_not_at_hand(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    config = TransformersImageConfig(kind="transformers", path=str(tmp_path))
    assert registry.tokens_per_picture(config) is None


def test_tokens_per_picture_of_a_hub_name_that_is_not_here() -> None:
    assert registry.tokens_per_picture(VqConfig(path="nobody/nothing-of-that-name")) is None
    assert registry.tokens_per_picture(VqConfig(path="nobody/nothing/movq")) is None
