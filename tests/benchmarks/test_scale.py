"""The rows of `benchmarks.scale`: verdicts, the model of many workers, and the simulated walk of the driver."""

import pytest

from benchmarks.scale_driver import drive
from benchmarks.scale_rows import Row
from benchmarks.scale_shuffle import mix
from benchmarks.scale_tasks import Costs, drawn, speed_up
from triptych.pipelines.engines import groups, grown


@pytest.mark.parametrize(
    ("value", "most", "least", "target", "verdict"),
    [
        (1.2, 1.3, None, "≤ 1.3", "met"),
        (1.4, 1.3, None, "≤ 1.3", "MISSED"),
        (1.9, None, 1.85, "≥ 1.85", "met"),
        (1.8, None, 1.85, "≥ 1.85", "MISSED"),
        (7, None, None, "", ""),
    ],
)
def test_a_row_says_whether_its_target_is_met(
    value: float, most: float | None, least: float | None, target: str, verdict: str
) -> None:
    row = Row("what", "size", value, "MB", "constant", most, least)
    assert (row.target, row.verdict) == (target, verdict)
    assert verdict in row.line()
    assert row.json()["value"] == value


def test_workers_of_a_free_driver_are_busy_to_the_end() -> None:
    free = Costs(0.0, 0.0)
    assert speed_up(1, drawn(100, 1.0), free) == pytest.approx(1)
    for count, mean in ((640, 2.0), (20_000, 0.02)):
        assert 7.5 < speed_up(8, drawn(count, mean), free) <= 8


def test_a_slow_driver_bounds_the_speed_up_and_groups_share_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.1] * 5000
    assert 8.5 < speed_up(64, seconds, Costs(0.0, 0.01)) <= 10  # 0.1 s of work for 10 ms of the driver
    together = speed_up(64, seconds, Costs(0.05, 0.0))
    monkeypatch.setattr(groups, "MOST", 1)
    alone = speed_up(64, seconds, Costs(0.05, 0.0))
    assert 1.8 < alone <= 2
    assert together > 1.8 * alone


def test_the_walk_goes_through_deduplication_encoding_and_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = drive(40)
    assert found["shards"] == round(40 * 8_400_000 / (128_000_000 / 7))
    for name, value in {"PARTITIONS": 8, "GROWN_BYTES": 16 << 20, "PIECE_BYTES": 4 << 20}.items():
        monkeypatch.setattr(grown, name, value)
    in_two_rounds = drive(40)
    assert in_two_rounds["shards"] == found["shards"]
    assert in_two_rounds["tasks"] > found["tasks"]


def test_windows_draw_from_many_files() -> None:
    one, sixteen = mix(100, 10)
    assert 30 < one.value <= 64
    assert one.value < sixteen.value <= 100
