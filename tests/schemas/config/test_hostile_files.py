"""Whatever a run file or a train file holds, the end is a config or one short paragraph without control characters."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.config.load import load_run
from triptych.schemas.config.load_training import load_training
from triptych.schemas.errors import Refusal

from .hostile_files import NAMES, NUMBERS, RUN, SHAPES, TAGS, TRAIN, TRAINING, changed

RUNS = SHAPES | TAGS | NUMBERS | NAMES


def refusal(load: Callable[[Path], Any], path: Path) -> str:
    with pytest.raises(Refusal) as caught:
        load(path)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", message)
    assert len(message) < 1500
    assert "hunter22222" not in message
    return message


@pytest.mark.parametrize("name", RUNS)
def test_a_hostile_run_file_is_refused_in_one_paragraph(tmp_path: Path, name: str) -> None:
    data, words = RUNS[name]
    (tmp_path / "run.yaml").write_bytes(data)
    assert words in refusal(load_run, tmp_path / "run.yaml")


@pytest.mark.parametrize("name", TRAINING)
def test_a_hostile_train_file_is_refused_in_one_paragraph(tmp_path: Path, name: str) -> None:
    data, words = TRAINING[name]
    (tmp_path / "train.yaml").write_bytes(data)
    assert words in refusal(load_training, tmp_path / "train.yaml")


def test_what_people_write_is_accepted_as_before(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(RUN + b"limits: {seconds: 5, pixels: 1.0e+6}\ndedup: {text: {exact: 1}}\nseed: 1_000\n")
    run = load_run(path)
    assert run.dedup.text is not None
    assert (run.limits.seconds, run.limits.pixels, run.dedup.text.exact, run.seed) == (5.0, 10**6, True, 1000)
    path.write_bytes(changed(b"name: t", b"name: 1e5"))
    assert load_run(path).name == "1e5"
    path.write_bytes(TRAIN.replace(b"1.0", b"1") + b"optimizer: {lr: 1e-3, betas: [0, 9.5E-1], eps: .5e-8}\n")
    training = load_training(path)
    assert (training.data.datasets[0].weight, training.optimizer.lr) == (1.0, 1e-3)
    assert (training.optimizer.betas, training.optimizer.eps) == ((0.0, 0.95), 5e-9)
