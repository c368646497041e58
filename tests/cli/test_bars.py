"""Bars and curves of one line."""

import pytest

from triptych.cli.bars import bar, curve


@pytest.mark.parametrize(
    ("share", "drawn"), [(0.0, ""), (0.0001, "▏"), (0.5, "████"), (0.55, "████▍"), (1.0, "█" * 8), (2.0, "█" * 8)]
)
def test_a_bar_has_eighths_of_a_cell(share: float, drawn: str) -> None:
    assert bar(share, 8) == drawn


def test_a_bar_without_blocks() -> None:
    assert bar(0.55, 8, unicode=False) == "#####"


def test_a_curve_is_scaled_to_its_range() -> None:
    assert curve([0.0, 1.0, None, 7.0], 10) == "▁▂ █"
    assert curve([0.0, 0.0, 8.0, 6.0], 2) == "▁█"
    assert curve([3.0, 3.0], 10) == "▁▁"
    assert curve([0.0, 7.0], 10, unicode=False) == "_@"
    assert curve([], 10) == curve([None], 10) == ""
