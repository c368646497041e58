from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.schemas.dataset.layout import (
    code_lengths,
    codes_of_span,
    content,
    content_lengths,
    ragged,
    sample_table,
)
from triptych.schemas.vocabulary import Kind, Modality, Special, Vocabulary

VOCABULARY = Vocabulary(text=300, image=64, audio=(32, 16, 8))
LEVELS = len(VOCABULARY.audio)
SIZES = {"text": VOCABULARY.text, "image": VOCABULARY.image, "audio": max(VOCABULARY.audio)}

texts = st.lists(st.integers(0, 299), max_size=12)
images = st.lists(st.integers(0, 63), min_size=1, max_size=9)
clips = st.lists(st.tuples(*(st.integers(0, size - 1) for size in VOCABULARY.audio)), max_size=4).map(
    lambda frames: [code for frame in frames for code in frame]
)


@st.composite
def samples(draw: Any) -> tuple[list[Kind], dict[Modality, list[list[int] | None]]]:
    kinds = draw(st.lists(st.sampled_from(Kind), max_size=6))
    parts = {Modality.TEXT: texts, Modality.IMAGE: images, Modality.AUDIO: clips}
    codes = {
        modality: [draw(part) if modality in kind.modalities else None for kind in kinds]
        for modality, part in parts.items()
    }
    return kinds, codes


@given(samples())
@settings(max_examples=60)
def test_codes_to_spans_to_codes_is_the_identity(made: Any) -> None:
    kinds, codes = made
    table = sample_table(kinds, codes, SIZES)
    laid = content(table, VOCABULARY)
    for i, kind in enumerate(kinds):
        ids = laid.ids[laid.offsets[i] : laid.offsets[i + 1]]
        for part, (modality, given_codes) in enumerate(codes.items()):
            start, length = laid.span_starts[i, part], laid.span_lengths[i, part]
            if modality not in kind.modalities:
                assert length == -1
                continue
            assert length == len(given_codes[i])
            span = ids[start : start + length]
            assert codes_of_span(span, modality, VOCABULARY).reshape(-1).tolist() == given_codes[i]
            assert set(VOCABULARY.modality_of(span).tolist()) <= {modality}


@given(samples())
@settings(max_examples=60)
def test_the_content_is_framed_as_documented(made: Any) -> None:
    kinds, codes = made
    laid = content(sample_table(kinds, codes, SIZES), VOCABULARY)
    text = VOCABULARY.slice_of(Modality.TEXT).start
    image = VOCABULARY.slice_of(Modality.IMAGE).start
    audio = VOCABULARY.audio_offsets(LEVELS).tolist()
    ids, owners = [], []
    for i, kind in enumerate(kinds):
        ids += [text + code for code in codes[Modality.TEXT][i]] + [Special.EOS]
        owners += [Modality.TEXT] * (len(codes[Modality.TEXT][i]) + 1)
        if Modality.IMAGE in kind.modalities:
            ids += [Special.BOI, *(image + code for code in codes[Modality.IMAGE][i]), Special.EOI]
            owners += [Modality.SPECIAL, *[Modality.IMAGE] * len(codes[Modality.IMAGE][i]), Modality.SPECIAL]
        if Modality.AUDIO in kind.modalities:
            flat = codes[Modality.AUDIO][i]
            ids += [Special.BOA, *(audio[at % LEVELS] + code for at, code in enumerate(flat)), Special.EOA]
            owners += [Modality.SPECIAL, *[Modality.AUDIO] * len(flat), Modality.SPECIAL]
    assert laid.ids.tolist() == ids
    assert laid.modality.tolist() == owners
    assert laid.ids.dtype == VOCABULARY.dtype


@given(samples(), st.integers(0, 5))
@settings(max_examples=30)
def test_a_slice_of_a_table_lays_out_like_its_rows_alone(made: Any, first: int) -> None:
    kinds, codes = made
    first = min(first, len(kinds))
    alone = sample_table(kinds[first:], {modality: column[first:] for modality, column in codes.items()}, SIZES)
    part = sample_table(kinds, codes, SIZES).slice(first)
    assert content(part, VOCABULARY).ids.tolist() == content(alone, VOCABULARY).ids.tolist()
    assert content_lengths(part).tolist() == content_lengths(alone).tolist()


def test_lengths_tell_nothing_from_none() -> None:
    table = sample_table([Kind.TEXT, Kind.TEXT], {Modality.TEXT: [[], [1, 2]]}, SIZES)
    assert code_lengths(table, Modality.TEXT).tolist() == [0, 2]
    assert code_lengths(table, Modality.IMAGE).tolist() == [-1, -1]
    assert content_lengths(table).tolist() == [1, 3]


@pytest.mark.parametrize(
    ("kind", "codes", "message"),
    [
        (Kind.TEXT, {Modality.TEXT: [[300]]}, "text code 300 is outside"),
        (Kind.IMAGE_TEXT, {Modality.TEXT: [[1]], Modality.IMAGE: [[64]]}, "image code 64 is outside"),
        (Kind.AUDIO_TEXT, {Modality.TEXT: [[1]], Modality.AUDIO: [[0, 0, 8]]}, "audio code is outside"),
        (Kind.AUDIO_TEXT, {Modality.TEXT: [[1]], Modality.AUDIO: [[0, 0]]}, "whole frames of 3"),
    ],
)
def test_codes_that_fit_no_codebook_are_errors(kind: Kind, codes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        content(sample_table([kind], codes, SIZES), VOCABULARY)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=10))
def test_ragged_is_its_loop(runs: list[tuple[int, int]]) -> None:
    starts, lengths = [start for start, _ in runs], [length for _, length in runs]
    expected = [start + i for start, length in runs for i in range(length)]
    assert ragged(np.array(starts, np.int64), np.array(lengths, np.int64)).tolist() == expected
