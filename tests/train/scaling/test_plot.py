"""The picture of a fit."""

import sys
from pathlib import Path

import pytest

from triptych.schemas.errors import Refusal
from triptych.train.scaling.collect import Point
from triptych.train.scaling.estimates import Fit, fit
from triptych.train.scaling.fit_law import Law
from triptych.train.scaling.plot import plot


@pytest.fixture(scope="module")
def made() -> Fit:
    law = Law(1.7, 400.0, 0.34, 410.0, 0.28)
    grid = [(n, d, 6.0 * n * d) for n in (10**6, 10**7, 10**8) for d in (10**8, 10**9, 10**10)]
    grid += [(n, 10**14 // n, 6e14) for n in (10**5, 10**6, 4 * 10**6, 10**7)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("triptych.train.scaling.estimates.RESAMPLES", 5)
        return fit([Point("", n, d, c, float(law.loss(n, d))) for n, d, c in grid])


@pytest.mark.parametrize(("suffix", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_it_is_a_picture(made: Fit, tmp_path: Path, suffix: str, begins: bytes) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "new" / f"law.{suffix}"
    plot(made, "bits", path)
    assert path.read_bytes().startswith(begins)
    assert path.stat().st_size > 10_000


def test_other_formats_are_refused(made: Fit, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"\.png or \.svg"):
        plot(made, "bits", tmp_path / "law.pdf")


def test_without_matplotlib_it_says_what_to_install(made: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Refusal, match="needs matplotlib"):
        plot(made, "bits", tmp_path / "law.png")
