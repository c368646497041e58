"""Which tokens of a segment are generated."""

import numpy as np

from triptych.schemas.vocabulary import Modality
from triptych.train.generate.samples import MASKED, target_mask, without_masked


def test_masked_codes_alone_are_generated() -> None:
    text = np.array([7, MASKED, 9])
    # task slot, three codes, EOS
    assert target_mask({Modality.TEXT: text}).tolist() == [False, False, True, False, False]
    image = np.array([MASKED, MASKED])
    # then BOI, two codes, EOI
    wanted = [False, False, True, False, False, False, True, True, False]
    assert target_mask({Modality.TEXT: text, Modality.IMAGE: image}).tolist() == wanted
    # in the order of a segment, whatever that of the mapping
    assert target_mask({Modality.IMAGE: image, Modality.TEXT: text}).tolist() == wanted


def test_audio_follows_the_text() -> None:
    codes = {Modality.AUDIO: np.array([3, MASKED, 4, MASKED]), Modality.TEXT: np.array([], np.int64)}
    assert np.flatnonzero(target_mask(codes)).tolist() == [1 + 1 + 1 + 1, 1 + 1 + 1 + 3]
    assert len(target_mask(codes)) == 1 + 1 + 6


def test_masked_codes_become_a_code_of_any_vocabulary() -> None:
    assert without_masked(np.array([5, MASKED, 0, MASKED])) == [5, 0, 0, 0]
