import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.dedup.text.sketch import sketch

SIZE = 128
Sets = list[npt.NDArray[np.uint64]]
elements = st.lists(st.integers(0, 2**64 - 1), max_size=40)


def sketches(sets: Sets, size: int = SIZE) -> npt.NDArray[np.uint32]:
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in sets])])
    return sketch(offsets, np.concatenate([*sets, np.zeros(0, np.uint64)]), size)


def agreement(union: int, shared: int, trials: int) -> npt.NDArray[np.bool_]:
    """(trials, SIZE) where signatures agree of random pairs of sets of so many elements in all and in common."""
    rng = np.random.default_rng(union)
    pools = rng.integers(0, 2**64, (trials, union), np.uint64, endpoint=False)
    half = shared + (union - shared) // 2
    left = sketches([pool[:half] for pool in pools])
    right = sketches([np.concatenate([pool[:shared], pool[half:]]) for pool in pools])
    return np.asarray(left == right)


@pytest.mark.parametrize("union", [2, 3, 7, 20, 60, 150, 400, 1500])
@pytest.mark.parametrize("share", [0.35, 0.7, 0.9])
def test_the_share_of_agreement_is_the_jaccard_similarity_and_varies_no_more_than_permutations(
    union: int, share: float
) -> None:
    shared = max(1, round(union * share))
    similarity, trials = shared / union, 400
    estimates = agreement(union, shared, trials).mean(axis=1)
    if shared == union:
        assert (estimates == 1).all()
        return
    variance = similarity * (1 - similarity) / SIZE
    assert abs(estimates.mean() - similarity) < 4 * np.sqrt(variance / trials)
    assert estimates.var() < variance * 1.25  # chi-square of 400 trials: far beyond 3 sigma


def test_no_place_of_a_signature_is_biased() -> None:
    same = agreement(12, 6, 3000).mean(axis=0)
    assert np.abs(same - 0.5).max() < 4.5 * np.sqrt(0.25 / 3000)


def test_bands_are_in_common_as_often_as_independent_places_make_them() -> None:
    for union in (6, 40, 300):
        bands = agreement(union, union // 2, 1500)[:, :125].reshape(-1, 25, 5).all(axis=2)
        same = np.any(bands, axis=1).mean()
        assert abs(same - (1 - (1 - 0.5**5) ** 25)) < 4 * np.sqrt(0.25 / 1500)


@given(st.lists(elements, min_size=1, max_size=6), st.randoms(use_true_random=False), st.sampled_from([16, 100, 128]))
def test_a_signature_is_that_of_the_set_whatever_the_order_repeats_and_neighbours(
    lists: list[list[int]], draw: object, size: int
) -> None:
    sets = [np.array(one, np.uint64) for one in lists]
    together = sketches(sets, size)
    for one, row in zip(lists, together, strict=True):
        again = one + one[:3]
        draw.shuffle(again)  # type: ignore[attr-defined]
        assert np.array_equal(sketches([np.array(again, np.uint64)], size)[0], row)


def test_small_sets_fill_all_places_also_where_there_are_too_many_hashes_for_one_piece() -> None:
    rng = np.random.default_rng(0)
    sets = [rng.integers(0, 2**64, 1 + number % 5, np.uint64, endpoint=False) for number in range(3000)]
    together = sketches(sets)
    assert (together != 0xFFFFFFFF).all()
    assert np.array_equal(np.concatenate([sketches([one]) for one in sets[::100]]), together[::100])


def test_of_one_element_every_place_has_a_number_of_its_own() -> None:
    (row,) = sketches([np.array([1], np.uint64)])
    assert len(set(row.tolist())) == SIZE
