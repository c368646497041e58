"""Fingerprints laid on each other, against plain Python; which cuts are allowed, and that beginnings do not suffice."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.dedup.audio.align import (
    ALIKE,
    ANCHORS,
    ANCHORS_A_SECOND,
    EDGE,
    SPAN,
    Prints,
    agreements,
    anchors_of,
)
from triptych.pipelines.dedup.audio.fingerprint import FRAMES_A_SECOND, codes_of

from ..babble import RATE, babble

CODES = st.lists(
    st.lists(st.sampled_from([0, 0x10001, 0x30001, 0xF0005, 0xFFFF1234, 0xFFFF00FF]), max_size=60), max_size=4
)


def prints_of(*codes: np.ndarray) -> Prints:
    starts = np.cumsum([0, *map(len, codes)])
    return Prints(np.concatenate([np.empty(0, np.uint32), *codes]), starts)


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    return float(agreements(prints_of(one), prints_of(other))[0])


@given(CODES)
def test_anchors_are_the_pairs_of_frames_with_the_most_bits_that_count(clips: list[list[int]]) -> None:
    anchors = anchors_of(prints_of(*(np.array(codes, np.uint32) for codes in clips)))
    for owner, codes in enumerate(clips):
        mine = anchors.owner == owner
        pairs = list(zip(codes, codes[SPAN:], strict=False))
        scores = [sum((code >> 16).bit_count() for code in pair) for pair in pairs]
        keys = [(one & 0xFFFF) << 16 | other & 0xFFFF for one, other in pairs]
        most = ANCHORS + ANCHORS_A_SECOND * len(codes) // FRAMES_A_SECOND
        taken = anchors.frame[mine].tolist()
        assert anchors.key[mine].tolist() == [keys[at] for at in taken]
        assert len(set(anchors.key[mine].tolist())) == len(taken) <= most
        assert all(scores[one] >= scores[other] for one, other in pairwise(taken))
        cutoff = sorted(scores, reverse=True)[:most][-1] if scores else 0
        assert {keys[at] for at, score in enumerate(scores) if score > cutoff} <= {keys[at] for at in taken}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=6))
def test_company_changes_no_verdict(pairs: list[tuple[int, int]]) -> None:
    clips = [codes_of(babble(seed // 2, 1.0)[3000 * (seed % 2) :]) for seed in range(6)]
    together = agreements(
        prints_of(*(clips[one] for one, _ in pairs)), prints_of(*(clips[other] for _, other in pairs))
    )
    assert together.tolist() == [agreement(clips[one], clips[other]) for one, other in pairs]


def test_a_copy_agrees_wholly_a_stranger_not_at_all_and_nothing_with_nothing() -> None:
    one, other = codes_of(babble(1, 2.0)), codes_of(babble(2, 2.0))
    assert agreement(one, one) == 1
    assert agreement(one, other) < 0.3
    assert agreement(one, one[:0]) == agreement(one[:0], one[:0]) == 0
    assert not len(agreements(prints_of(), prints_of()))


@pytest.mark.parametrize(("before", "after"), [(0.5, 0), (0, 0.5), (0.5, 0.5), (0.123, 0.456)])
def test_half_a_second_may_be_cut_at_either_end(before: float, after: float) -> None:
    wave = babble(3, 2.5)
    cut = wave[round(before * RATE) : len(wave) - round(after * RATE)]
    assert agreement(codes_of(wave), codes_of(cut)) >= ALIKE
    assert agreement(codes_of(cut), codes_of(wave)) >= ALIKE


def test_each_of_two_may_lack_what_the_other_has() -> None:
    wave = babble(3, 2.5)
    assert agreement(codes_of(wave[RATE // 2 :]), codes_of(wave[: -RATE // 2])) >= ALIKE


def test_a_part_of_a_clip_is_no_copy_of_it() -> None:
    wave = babble(4, 6.0)
    assert agreement(codes_of(wave), codes_of(wave[2 * RATE : 4 * RATE])) == 0
    longer = round((EDGE / FRAMES_A_SECOND + 0.2) * RATE)
    assert agreement(codes_of(wave), codes_of(wave[longer:])) == 0
    assert agreement(codes_of(wave), codes_of(wave[:-longer])) == 0


def test_a_cut_of_silence_is_none() -> None:
    wave, silence = babble(5, 1.5), np.zeros(3 * RATE, np.float32)
    assert agreement(codes_of(np.concatenate([silence, wave, silence])), codes_of(wave)) >= ALIKE


def test_what_begins_alike_and_goes_on_otherwise_is_no_copy() -> None:
    same, end, other = babble(6, 5.0), babble(7, 0.7), babble(8, 0.7)
    one, two = (codes_of(np.concatenate([same, rest])) for rest in (end, other))
    assert agreement(one, two) == 0
    assert agreement(one, one) == 1
