"""Hashes are exact, stable under edits, and those of a crop are among those of the whole."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.fft import dctn

from triptych.pipelines.dedup.image.phash import FREQUENCIES, SIDE, WINDOWS, perceptual_hashes

Pictures = npt.NDArray[np.uint8]


def smooth(count: int, seed: int = 0, side: int = SIDE) -> Pictures:
    """Random pictures whose detail falls with frequency, as in photographs."""
    spectrum = np.random.default_rng(seed).normal(size=(count, 12, 12)) / (1 + np.add.outer(range(12), range(12)))
    at = np.cos(np.pi * (np.arange(side) + 0.5) / side * np.arange(12)[:, None])
    values = at.T @ spectrum @ at
    scaled = 128 + 40 * values / values.std((1, 2), keepdims=True)
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def distance(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    return np.asarray(np.bitwise_count(left ^ right))


def test_bits_are_the_signs_of_the_dct_above_the_raised_median() -> None:
    pictures = smooth(20)
    block = dctn(pictures.astype(float), axes=(1, 2))[:, :FREQUENCIES, :FREQUENCIES].reshape(20, -1)
    raised = np.median(block[:, 1:], axis=1) + 0.3 * np.abs(block[:, 1:]).mean(axis=1)
    expected = block > raised[:, None]
    expected[:, 0] = False
    whole = perceptual_hashes(pictures)[:, 0]
    bits = (whole[:, None] >> np.arange(63, -1, -1, dtype=np.uint64)) & np.uint64(1)
    assert (bits != expected).sum() <= 2  # cosines are rounded


def test_a_hash_depends_on_its_picture_alone() -> None:
    pictures = smooth(40)
    together = perceptual_hashes(pictures)
    assert together.shape == (40, len(WINDOWS))
    assert np.array_equal(together[7:9], perceptual_hashes(pictures[7:9]))
    assert np.array_equal(together[::-1], perceptual_hashes(pictures[::-1]))


def test_hashes_stay_the_same_from_version_to_version() -> None:
    pattern = (np.add.outer(np.arange(SIDE) ** 3, 7 * np.arange(SIDE) ** 2) % 251).astype(np.uint8)
    assert [f"{value:016x}" for value in perceptual_hashes(pattern[None])[0].tolist()[:2]] == [
        "242526245b247f24",
        "242564aed6242124",
    ]


def test_noise_moves_few_bits_also_of_symmetric_pictures() -> None:
    pictures = smooth(50)
    symmetric = np.minimum(pictures, pictures[:, :, ::-1])
    noise = np.random.default_rng(1).normal(0, 2, (50, SIDE, SIDE))
    for clean in (pictures, symmetric):
        noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
        assert distance(perceptual_hashes(clean), perceptual_hashes(noisy)).mean() < 1


def test_different_pictures_are_far_apart() -> None:
    whole = perceptual_hashes(smooth(200))[:, 0]
    apart = distance(whole[:, None], whole[None])[np.triu_indices(200, 1)]
    assert apart.min() > 6
    assert 20 < apart.mean() < 36


@pytest.mark.parametrize(
    "crop", [(0, 40, 0, 40), (2, 38, 2, 38), (2, 40, 0, 40), (0, 38, 0, 40), (0, 40, 2, 40), (0, 40, 0, 38)]
)
def test_a_crop_of_five_percent_has_a_window_in_common_with_the_whole(crop: tuple[int, int, int, int]) -> None:
    large = smooth(30, side=40 * 8)
    top, bottom, left, right = (edge * 8 for edge in crop)

    def squeezed(pictures: Pictures) -> Pictures:
        rows, columns = (np.linspace(0, n, SIDE, endpoint=False).astype(int) for n in pictures.shape[1:])
        return pictures[:, rows + 4][:, :, columns + 4]

    ours = perceptual_hashes(squeezed(large))
    theirs = perceptual_hashes(squeezed(large[:, top:bottom, left:right]))
    assert distance(ours[:, :, None], theirs[:, None]).min((1, 2)).mean() < 2


def test_no_pictures_have_no_hashes() -> None:
    assert perceptual_hashes(np.zeros((0, SIDE, SIDE), np.uint8)).shape == (0, len(WINDOWS))
