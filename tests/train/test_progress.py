"""The bar of a training run: figures of the last step on standard error, or nothing at all."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from triptych.train.progress import Progress, start_line

LINE = {"nelbo": {"text": 7.456, "image": 3.2}, "tokens_per_second": 12345.6}


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_figures_of_the_last_step_are_shown_below_the_lines_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(20, 5, shown=True) as progress:
        progress.show(6, LINE)
        progress.print_line("saved [1]")
        progress.show(7, LINE | {"mfu": 0.4567})
    said = capsys.readouterr()
    assert said.out == ""
    printed, bar = said.err.split("\n", 1)
    assert printed.strip() == "saved [1]"
    assert "7/20" in bar
    assert "12,346 tokens/s  45.7% MFU  bits: text 7.46  image 3.20" in bar


def test_other_processes_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(20, 0, shown=False) as progress:
        progress.show(1, LINE)
        progress.print_line("saved")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("done", "world", "line"),
    [
        (0, 1, "training run on cpu: 1,234 parameters, steps 1 to 8 of 2 rows of 512 tokens"),
        (6, 2, "training run on 2 x cpu: 1,234 parameters, steps 7 to 8 of 2 rows of 512 tokens"),
        (8, 1, "training run: all 8 steps were done before"),
    ],
)
def test_the_log_begins_with_what_is_to_be_done(done: int, world: int, line: str) -> None:
    plan: Any = SimpleNamespace(steps=8, rows=2, row_length=512)
    process: Any = SimpleNamespace(world=world, device=SimpleNamespace(type="cpu"))
    assert start_line(Path("run"), plan, done, 1234, process) == line
