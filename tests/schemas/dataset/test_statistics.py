import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.dataset.statistics import (
    LicenseStatistics,
    SourceStatistics,
    Statistics,
    codebook_use,
    count_codes,
    merge_statistics,
    percentiles,
)
from triptych.schemas.vocabulary import Modality, Vocabulary

counts = st.dictionaries(st.integers(1, 40), st.integers(1, 9), max_size=6)
sources = st.builds(
    SourceStatistics,
    kind=st.just("text"),
    samples=st.integers(0, 9),
    segments=st.integers(0, 9),
    tokens=st.dictionaries(st.sampled_from(["text", "image"]), st.integers(0, 9)),
    licenses=st.dictionaries(
        st.sampled_from(["MIT", "CC0"]), st.builds(LicenseStatistics, segments=st.just(1), tokens=st.integers(0, 9))
    ),
    text_bytes=st.integers(0, 99),
    pixels=st.integers(0, 99),
    audio_samples=st.integers(0, 99),
    lengths=counts,
    too_long=counts,
)
parts = st.builds(
    Statistics,
    rows=st.integers(0, 9),
    filled=st.integers(0, 99),
    sources=st.dictionaries(st.sampled_from(["a", "b"]), sources),
    codebooks=st.dictionaries(st.sampled_from(["text", "audio0"]), counts),
)


@given(st.lists(parts, max_size=6), st.randoms(use_true_random=False))
def test_merging_is_associative_and_knows_no_order(many: list[Statistics], draw: random.Random) -> None:
    whole = merge_statistics(many)
    cut = draw.randint(0, len(many))
    assert merge_statistics([merge_statistics(many[:cut]), merge_statistics(many[cut:])]) == whole
    shuffled = many.copy()
    draw.shuffle(shuffled)
    assert merge_statistics(shuffled).model_dump_json() == whole.model_dump_json()


def test_merging_loses_no_field() -> None:
    one = SourceStatistics(
        kind="text",
        samples=1,
        segments=2,
        tokens={"text": 3},
        text_bytes=4,
        pixels=5,
        audio_samples=6,
        licenses={"MIT": LicenseStatistics(segments=2, tokens=3)},
        lengths={7: 8},
        too_long={9: 10},
    )
    assert set(one.model_fields_set) == set(SourceStatistics.model_fields)
    part = Statistics(rows=1, filled=2, sources={"a": one}, codebooks={"text": {3: 4}})
    assert set(part.model_fields_set) == set(Statistics.model_fields)
    assert merge_statistics([part]) == part
    twice = merge_statistics([part, part]).model_dump()

    def doubled(value: object) -> object:
        if isinstance(value, dict):
            return {key: doubled(item) for key, item in value.items()}
        return value * 2 if isinstance(value, int) else value

    assert twice == doubled(part.model_dump())


def test_codes_are_counted_by_codebook() -> None:
    vocabulary = Vocabulary(text=10, image=4, audio=(3, 2))
    image, first, second = (
        vocabulary.slice_of(*where).start for where in ((Modality.IMAGE, 0), (Modality.AUDIO, 0), (Modality.AUDIO, 1))
    )
    tokens = np.array([[0, 2, 256, 256, image + 3], [first, second + 1, second + 1, 265, 15]], np.uint16)
    assert count_codes(tokens, vocabulary) == {
        "text": {0: 2, 9: 1},
        "image": {3: 1},
        "audio0": {0: 1},
        "audio1": {1: 2},
    }


@given(counts.filter(bool))
def test_percentiles_are_the_least_length_that_covers_them(histogram: dict[int, int]) -> None:
    flat = sorted(length for length, count in histogram.items() for _ in range(count))
    for name, value in percentiles(histogram).items():
        rank = math.ceil(int(name[1:]) / 100 * len(flat) - 1e-9)
        assert value == flat[max(rank, 1) - 1]


def test_percentiles_of_nothing() -> None:
    assert percentiles({}) == {}


@given(st.integers(1, 50), st.integers(1, 9))
def test_an_even_use_has_its_number_of_codes_as_perplexity(used: int, each: int) -> None:
    use = codebook_use(dict.fromkeys(range(used), each), 60)
    assert (use.size, use.used, use.dead) == (60, used, 60 - used)
    assert use.perplexity == pytest.approx(used, abs=0.01)


def test_an_unused_codebook_is_all_dead() -> None:
    use = codebook_use({}, 7)
    assert (use.used, use.dead, use.perplexity) == (0, 7, 0.0)


@given(counts, counts.filter(bool))
def test_the_advised_row_length_keeps_that_share_and_none_shorter_does(
    fits: dict[int, int], over: dict[int, int]
) -> None:
    over = {length + 40: count for length, count in over.items()}
    advised = SourceStatistics(kind="image-text", lengths=fits, too_long=over).row_length_for(0.99)
    everything = {**fits, **over}
    total = sum(everything.values())
    kept = sum(count for length, count in everything.items() if length <= advised)
    shorter = sum(count for length, count in everything.items() if length < advised)
    assert kept >= 0.99 * total - 1e-9
    assert shorter < 0.99 * total + 1e-9
