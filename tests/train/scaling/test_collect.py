"""From folders of runs to points: which loss, what cost, and which runs do not belong together."""

from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.schemas.errors import Refusal
from triptych.train.scaling.collect import Loss, collect

Write = Callable[..., Path]


def test_a_run_is_a_point_of_its_last_validation(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "deep" / "one", parameters=1000, tokens=40_000, loss=3.0)
    ((point,), unfinished) = collect(tmp_path, Loss())
    assert (point.name, point.parameters, point.tokens, unfinished) == ("deep/one", 1000, 40_000, [])
    assert point.flops == pytest.approx(6 * 1000 * 40_000)
    assert point.loss == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("loss", "bits"),
    [
        (Loss("ema", "text"), 2.75),
        (Loss("raw", "text"), 2.76),
        (Loss("ema", "image"), 3.75),
        (Loss("raw", "all"), 3.01),  # three targets of text for one of pictures
    ],
)
def test_which_loss_is_said_and_taken(write: Write, tmp_path: Path, loss: Loss, bits: float) -> None:
    write(tmp_path / "one", parameters=1000, tokens=40_000, loss=3.0)
    assert collect(tmp_path, loss)[0][0].loss == pytest.approx(bits)
    assert "bits per token" in loss.name


def test_a_run_that_is_not_finished_is_named_and_left_out(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "one", parameters=1000, tokens=40_000, loss=3.0)
    write(tmp_path / "two", parameters=1000, tokens=40_000, loss=3.0, ended=False)
    points, unfinished = collect(tmp_path, Loss())
    assert ([point.name for point in points], unfinished) == (["one"], ["two"])


def test_a_modality_that_is_not_there_is_refused(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "one", parameters=1000, tokens=40_000, loss=3.0)
    with pytest.raises(Refusal, match=r"one: no audio was held out.*text, image"):
        collect(tmp_path, Loss("ema", "audio"))


def test_runs_of_two_vocabularies_are_refused(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "one", parameters=1000, tokens=40_000, loss=3.0)
    write(tmp_path / "two", parameters=1000, tokens=40_000, loss=3.0, vocabulary="w")
    with pytest.raises(Refusal, match="one and two differ in `vocabulary`"):
        collect(tmp_path, Loss())


def test_a_folder_without_runs_and_a_changed_run_are_refused(write: Write, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="holds no run"):
        collect(tmp_path, Loss())
    file = write(tmp_path / "one", parameters=1000, tokens=40_000, loss=3.0) / "run.json"
    file.write_text(file.read_text().replace("1000", "2000"))
    with pytest.raises(Refusal, match=r"run\.json: its seal does not match"):
        collect(tmp_path, Loss())
