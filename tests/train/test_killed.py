"""A run that is killed or stopped goes on to the same curve and weights, bit for bit."""

import random
import signal
import time
from pathlib import Path

import pytest

from triptych.model.network.export import load_model

from .small_runs import curve, finish, kill_when, logged, require_same, saving, start, tree


@pytest.mark.parametrize("lines", [2, 8])
def test_a_killed_run_goes_on_to_the_same_curve_bit_for_bit(
    dataset: Path, undisturbed: Path, tmp_path: Path, lines: int
) -> None:
    config = tree(dataset, tmp_path / "run")
    kill_when(start(config), lambda: logged(tmp_path / "run") >= lines)
    assert not (tmp_path / "run" / "model" / "config.json").exists()
    finish(start(config))
    require_same(tmp_path / "run", undisturbed)


def test_killed_again_and_again_while_it_saves_a_run_goes_on_bit_for_bit(
    dataset: Path, undisturbed: Path, tmp_path: Path
) -> None:
    config = tree(dataset, tmp_path / "run", checkpoint={"every": 1, "keep": 2})
    draw = random.Random(7)
    for at_least in (1, 4, 7):  # steps; a kill may undo one
        later = at_least + draw.randrange(2)

        def ready(later: int = later) -> bool:
            return logged(tmp_path / "run") >= later and saving(tmp_path / "run")

        kill_when(start(config), ready)
    finish(start(config))
    require_same(tmp_path / "run", undisturbed)
    assert not list((tmp_path / "run" / "checkpoints").glob(".tmp-*"))


def test_sigterm_saves_and_exits_with_zero(dataset: Path, undisturbed: Path, tmp_path: Path) -> None:
    config = tree(dataset, tmp_path / "run", checkpoint={"every": 1000, "keep": 2})
    process = start(config)
    while process.running() and logged(tmp_path / "run") < 3:
        time.sleep(0.001)
    process.send(signal.SIGTERM)
    assert "Stopped and saved" in finish(process)
    assert len(list((tmp_path / "run" / "checkpoints").glob("step-*"))) == 1
    assert load_model(tmp_path / "run" / "model").objective == "masked"
    finish(start(config))
    assert curve(tmp_path / "run") == curve(undisturbed)
