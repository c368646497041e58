"""The figures of the report, against their definitions on a tokenizer whose loss is known."""

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from triptych.tokenizers.image.report import image_report
from triptych.tokenizers.protocol import Codes, Pixels


class Grey:
    """Codes each quarter by its mean brightness in `levels` steps."""

    fingerprint = "grey"

    def __init__(self, side: int, levels: int) -> None:
        self.pixels, self.size, self.tokens, self._half = side, levels, 4, side // 2

    def encode(self, pixels: Pixels) -> Codes:
        half = self._half
        means = pixels.reshape(len(pixels), 2, half, 2, half, 3).mean((2, 4, 5)).reshape(len(pixels), 4)
        return np.asarray(np.floor(means / 256 * self.size), np.uint32)

    def decode(self, codes: npt.ArrayLike) -> Pixels:
        values = (np.asarray(codes).reshape(-1, 2, 2) * (256 // self.size)).astype(np.uint8)
        grid = values.repeat(self._half, 1).repeat(self._half, 2)
        return np.repeat(grid[..., None], 3, -1)


def flat(*values: int, side: int = 16) -> Pixels:
    return np.stack([np.full((side, side, 3), value, np.uint8) for value in values])


def test_figures_follow_their_definitions() -> None:
    # values 3 and 66 come back as 0 and 64, so the pooled squared error is (9 + 4) / 2
    report = image_report(Grey(16, 4), [flat(3), flat(66)])
    assert report["n"] == 2
    assert report["tokens_per_picture"] == 4
    assert report["psnr"] == pytest.approx(10 * math.log10(255**2 / 6.5), abs=1e-3)
    assert (report["codes_used"], report["codes_used_share"]) == (2, 0.5)
    assert report["perplexity"] == pytest.approx(2.0)
    assert 0 < report["ssim"] < 1


def test_exact_pictures_have_no_error_to_give_in_decibels() -> None:
    report = image_report(Grey(16, 4), [flat(0, 64, 128, 192)])
    assert report["psnr"] is None
    assert report["ssim"] == pytest.approx(1.0)
    json.dumps(report, allow_nan=False)


def test_pictures_below_the_window_have_no_ssim() -> None:
    report: dict[str, Any] = image_report(Grey(8, 4), [flat(3, side=8)])
    assert report["ssim"] is None
    assert report["psnr"] > 30


def test_nothing_to_report_on() -> None:
    with pytest.raises(ValueError, match="no images"):
        image_report(Grey(16, 4), [])
