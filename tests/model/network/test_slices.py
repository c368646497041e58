"""Classes and ids of each slice, one for one, and the slice that predicts each id."""

import pytest
import torch

from triptych.model.network.slices import Slices, slice_table
from triptych.schemas.vocabulary import SPECIALS, Modality, Special, Vocabulary

VOCABULARIES = [
    Vocabulary(text=40, image=24, audio=(12, 10)),
    Vocabulary(text=3),
    Vocabulary(text=5, audio=(3,)),
    Vocabulary(text=1, image=1),
]


def test_widths_and_first_ids_worked_out_by_hand() -> None:
    slices = Slices.of(VOCABULARIES[0])
    assert slices.widths == (0, 41, 24, 12, 10)
    assert slices.text_start == 256
    assert [int(slices.token_of(torch.tensor(0), index)) for index in range(1, 5)] == [Special.EOS, 296, 320, 332]
    tokens = torch.tensor([Special.EOS, 256, 295, 296, 331, 341])
    assert slices.class_of(tokens, torch.tensor([1, 1, 1, 2, 3, 4])).tolist() == [0, 1, 40, 0, 11, 9]


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_classes_and_ids_are_inverse(vocabulary: Vocabulary) -> None:
    slices = Slices.of(vocabulary)
    tokens = [Special.EOS, *range(SPECIALS, vocabulary.size)]
    assert sum(slices.widths) == len(tokens)
    index = torch.from_numpy(slice_table(vocabulary)[tokens])
    classes = slices.class_of(torch.tensor(tokens), index)
    back = [int(slices.token_of(one, int(at))) for one, at in zip(classes, index, strict=True)]
    assert back == tokens


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_an_id_is_predicted_by_the_slice_that_holds_it_and_most_specials_by_none(vocabulary: Vocabulary) -> None:
    table = slice_table(vocabulary)
    assert len(table) == vocabulary.size
    for token, index in enumerate(table.tolist()):
        if token == Special.EOS:
            assert vocabulary.slices[index].modality is Modality.TEXT
        elif token < SPECIALS:
            assert index == 0
        else:
            assert vocabulary.slices[index].start <= token < vocabulary.slices[index].stop
