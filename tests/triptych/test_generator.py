"""The public face of trained models: samples of every task, settings, likelihoods."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import triptych
from triptych.train.generate.generator import Generator as Internal

from ..two_runs import train_both


@pytest.fixture(scope="module")
def folder(once: Any, made: Path) -> Path:
    return Path(once("face", lambda folder: train_both(made, folder, validation=0.1)))


@pytest.fixture(scope="module")
def generator(folder: Path) -> triptych.Generator:
    return triptych.Generator(folder / "masked")


def test_it_generates_what_the_command_generates(generator: triptych.Generator, folder: Path) -> None:
    assert repr(generator).endswith("masked')")
    (sample,) = generator.generate("t2i", ["ka lo"], seed=3, steps=4, temperature=0.9)
    internal = Internal.open(folder / "masked")
    task = type(sample.task)("t2i")
    settings = internal.defaults(task).model_copy(update={"steps": 4, "temperature": 0.9})
    wanted = internal.generate(task, ["ka lo"], settings, 3).samples[0]
    assert (sample.tokens == wanted.tokens).all()
    assert sample.pixels is not None
    assert sample.pixels.shape == (16, 16, 3)
    texts = generator.generate("text", ["ka <gap:3> lo"], steps=2) + generator.generate(
        "text", ["vor"], steps=2, length=5
    )
    assert [sample.text is not None for sample in texts] == [True, True]
    assert texts[0].generated.sum() == 3


def test_an_impossible_setting_is_refused(generator: triptych.Generator) -> None:
    with pytest.raises(triptych.Refusal, match="temperature"):
        generator.generate("text", [""], temperature=-1.0)


@pytest.mark.parametrize("kind", ["masked", "autoregressive"])
def test_likelihoods_of_texts_given_texts(folder: Path, kind: str) -> None:
    generator = triptych.Generator(folder / kind)
    target = "ren ta vor qua " * 6
    alone, after = generator.likelihood([target, target], ["", "ka lo mi "])
    assert alone.nats > 0
    assert after.tokens <= alone.tokens + 1
    assert (alone.standard_error == 0) is (kind == "autoregressive")
    (again,) = generator.likelihood([target])
    assert again.nats == pytest.approx(alone.nats, rel=1e-5)


def test_likelihoods_across_modalities(generator: triptych.Generator) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    (image,) = generator.likelihood([pixels], ["a red box"], task="t2i", passes=4)
    assert image.tokens == 16
    assert image.nats == pytest.approx(16 * np.log(64), rel=0.3)
    (caption,) = generator.likelihood(["a red box"], [pixels], task="i2t", passes=4)
    assert caption.tokens > 2
    with pytest.raises(triptych.Refusal, match="needs a prompt"):
        generator.likelihood(["a"], task="i2t")


def test_a_run_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(triptych.Refusal):
        triptych.Generator(tmp_path)
