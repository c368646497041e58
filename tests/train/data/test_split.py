"""Documents are held out by their id alone: the asked share of them, and all of a smaller share in a larger one."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from triptych.train.data.split import is_held_out


def documents(seed: int, count: int) -> npt.NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 2), np.uint64)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5])
def test_the_share_is_that_asked_for(share: float) -> None:
    ids = documents(0, 40_000)
    counting = np.stack(np.divmod(np.arange(40_000, dtype=np.uint64), np.uint64(200)), axis=1)
    for some in (ids, counting):  # also of ids that are not random
        held = is_held_out(some, share)
        assert held.mean() == pytest.approx(share, abs=4 * (share * (1 - share) / 40_000) ** 0.5)


def test_nothing_is_held_out_at_a_share_of_zero() -> None:
    assert not is_held_out(documents(1, 1000), 0.0).any()


def test_a_larger_share_holds_out_all_of_a_smaller_one() -> None:
    ids = documents(2, 10_000)
    held = [is_held_out(ids, share) for share in (0.01, 0.05, 0.3, 0.9)]
    for few, more in itertools.pairwise(held):
        assert few.sum() < more.sum()
        assert not (few & ~more).any()


def test_a_document_is_held_out_in_whatever_company() -> None:
    ids = documents(3, 500)
    held = is_held_out(ids, 0.2)
    order = np.random.default_rng(4).permutation(500)
    assert np.array_equal(is_held_out(ids[order], 0.2), held[order])
    assert [bool(is_held_out(ids[i : i + 1], 0.2)[0]) for i in range(500)] == held.tolist()
    # both halves of the id count
    assert not np.array_equal(is_held_out(ids[:, ::-1], 0.2), held)
