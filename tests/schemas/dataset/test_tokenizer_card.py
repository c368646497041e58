"""The cards of a run's tokenizers make its vocabulary, and a card moves with the tokenizer's folder."""

import pytest

from triptych.schemas.dataset.tokenizer_card import Card, vocabulary_of
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import SPECIALS, Modality


def card(modality: str, *sizes: int, path: str | None = None) -> Card:
    return Card(modality=modality, config={"kind": "k", "path": path}, fingerprint=f"of {modality}", sizes=sizes)


TEXT, IMAGE, AUDIO = card("text", 300), card("image", 64), card("audio", 32, 16)


def test_the_vocabulary_has_the_sizes_and_fingerprints_of_the_cards() -> None:
    # the order of the cards has no say
    vocabulary = vocabulary_of({Modality.AUDIO: AUDIO, Modality.TEXT: TEXT, Modality.IMAGE: IMAGE})
    assert vocabulary.size == SPECIALS + 300 + 64 + 32 + 16
    assert [(s.modality, s.codebook, s.stop - s.start) for s in vocabulary.slices[1:]] == [
        (Modality.TEXT, 0, 300),
        (Modality.IMAGE, 0, 64),
        (Modality.AUDIO, 0, 32),
        (Modality.AUDIO, 1, 16),
    ]
    assert vocabulary.tokenizers == {"text": "of text", "image": "of image", "audio": "of audio"}


def test_modalities_without_a_card_have_no_ids() -> None:
    vocabulary = vocabulary_of({Modality.TEXT: TEXT})
    assert (vocabulary.size, vocabulary.image, vocabulary.audio) == (SPECIALS + 300, 0, ())
    assert vocabulary.tokenizers == {"text": "of text"}
    with pytest.raises(Refusal, match="needs a text tokenizer"):
        vocabulary_of({Modality.IMAGE: IMAGE, Modality.AUDIO: AUDIO})


def test_a_card_moves_only_where_there_is_a_path_and_a_folder() -> None:
    loaded = card("image", 64, path="models/vq")
    moved = loaded.located("out/tokenizers/image")
    assert moved.config == {"kind": "k", "path": "out/tokenizers/image"}
    assert moved.model_copy(update={"config": loaded.config}) == loaded
    assert loaded.config["path"] == "models/vq"
    assert loaded.located(None) == loaded
    assert IMAGE.located("out/tokenizers/image") == IMAGE  # trained in the run
