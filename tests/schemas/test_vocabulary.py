import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.errors import Mismatch
from triptych.schemas.vocabulary import SPECIALS, Kind, Modality, Special, Vocabulary

BASE = Vocabulary(text=300, image=64, audio=(32, 16), tokenizers={"text": "a", "image": "b", "audio": "c"})

vocabularies = st.builds(
    Vocabulary,
    text=st.integers(1, 500),
    image=st.integers(0, 300),
    audio=st.lists(st.integers(1, 80), max_size=5).map(tuple),
)


@given(vocabularies)
def test_every_id_belongs_to_exactly_one_slice(vocabulary: Vocabulary) -> None:
    owners = [[block for block in vocabulary.slices if block.start <= i < block.stop] for i in range(vocabulary.size)]
    assert [len(blocks) for blocks in owners] == [1] * vocabulary.size
    assert vocabulary.modality_of(range(vocabulary.size)).tolist() == [blocks[0].modality for blocks in owners]
    for block in vocabulary.slices:
        assert vocabulary.slice_of(block.modality, block.codebook) == block
    assert vocabulary.size == SPECIALS + vocabulary.text + vocabulary.image + sum(vocabulary.audio)
    assert np.iinfo(vocabulary.dtype).max >= vocabulary.size - 1


@given(vocabularies)
def test_the_type_is_the_narrowest(vocabulary: Vocabulary) -> None:
    bits = vocabulary.dtype.itemsize * 8
    assert vocabulary.size <= 1 << bits
    assert bits == 8 or vocabulary.size > 1 << bits // 2


def test_specials_lie_below_every_modality_and_are_distinct() -> None:
    assert max(Special) < SPECIALS == BASE.slice_of(Modality.TEXT).start
    assert BASE.modality_of(list(Special)).tolist() == [Modality.SPECIAL] * len(Special)


@pytest.mark.parametrize("ids", [[-1], [BASE.size], [0, 1 << 40]])
def test_ids_outside_are_refused(ids: list[int]) -> None:
    with pytest.raises(ValueError, match="are outside the vocabulary"):
        BASE.modality_of(ids)


def test_an_absent_codebook_has_no_slice() -> None:
    with pytest.raises(KeyError, match="audio codebook 2"):
        BASE.slice_of(Modality.AUDIO, 2)
    with pytest.raises(KeyError, match="image codebook 0"):
        Vocabulary(text=5).slice_of(Modality.IMAGE)


CHANGES = {
    "text": 301,
    "image": 65,
    "audio": (16, 32),
    "tokenizers": {"text": "a", "image": "b", "audio": "d"},
}


@pytest.mark.parametrize("field", sorted(set(Vocabulary.model_fields) - {"version"}))
def test_fingerprint_follows_every_field(field: str) -> None:
    other = BASE.model_copy(update={field: CHANGES[field]})
    assert other.fingerprint != BASE.fingerprint
    with pytest.raises(Mismatch) as caught:
        BASE.require(other, "this dataset", "that checkpoint")
    message = str(caught.value)
    assert BASE.fingerprint in message
    assert other.fingerprint in message
    assert "this dataset" in message
    assert "that checkpoint" in message
    assert "\n" not in message
    assert caught.value.exit_code == 1


def test_fingerprint_ignores_the_order_in_which_tokenizers_are_named() -> None:
    turned = BASE.model_copy(update={"tokenizers": dict(reversed(BASE.tokenizers.items()))})
    assert turned.fingerprint == BASE.fingerprint
    BASE.require(turned, "a", "b")


def test_kinds_name_their_modalities_in_order_and_have_stable_codes() -> None:
    assert Kind.IMAGE_AUDIO_TEXT.modalities == (Modality.TEXT, Modality.IMAGE, Modality.AUDIO)
    assert Kind.AUDIO_TEXT.modalities == (Modality.TEXT, Modality.AUDIO)
    # these numbers lie in shards
    assert {str(kind): kind.code for kind in Kind} == {
        "text": 0,
        "image-text": 1,
        "audio-text": 2,
        "image-audio-text": 3,
    }
    assert {special.name: int(special) for special in Special} == {
        "PAD": 0,
        "MASK": 1,
        "EOS": 2,
        "BOI": 3,
        "EOI": 4,
        "BOA": 5,
        "EOA": 6,
        "TASK": 15,
        "TEXT": 16,
        "T2I": 17,
        "I2T": 18,
        "T2S": 19,
        "S2T": 20,
        "JOINT": 21,
    }
