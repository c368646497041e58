"""The bias of a new head: counts of the targets of training, and a model that begins at the unigram entropy."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.model.network.export import load_model
from triptych.model.network.slices import Slices
from triptych.schemas.config.training import TrainConfig
from triptych.train import head_bias
from triptych.train.data.plan import plan_of
from triptych.train.head_bias import PRIOR, counted_targets, log_frequencies
from triptych.train.run import train

from .conftest import Workshop
from .small_runs import curve, tree


def counts_of(config: dict[str, Any], workshop: type[Workshop]) -> tuple[torch.Tensor, ...]:
    """Counts of the targets by slice: specials, text, image, audio0, audio1."""
    parsed = TrainConfig.model_validate(config)
    plan = plan_of(parsed)
    counts = counted_targets(plan, workshop.shards(plan), parsed)
    return torch.split(counts, list(Slices.of(plan.vocabulary).widths))


def test_frequencies_are_taken_within_a_slice() -> None:
    found = log_frequencies(torch.tensor([3, 0, 0, 0]), Slices((0, 2, 2), (0, 0, 2)))
    expected = torch.tensor([3 + PRIOR, PRIOR, 1 + PRIOR, 1 + PRIOR]) / torch.tensor([3 + 2 * PRIOR] * 2 + [3.0] * 2)
    torch.testing.assert_close(found.exp(), expected)


def test_what_a_task_gives_is_no_target(dataset: Path, tmp_path: Path, workshop: type[Workshop]) -> None:
    def counted(task: str) -> list[int]:
        pictures = [{"path": str(dataset), "weight": 1.0, "modality": "image-text"}]
        objective = {"kind": "masked", "tasks": {"image-text": {task: 1.0}}}
        config = tree(dataset, tmp_path / "run", objective=objective)
        config["data"] |= {"datasets": pictures, "validation": 0.0}
        return [int(part.sum()) for part in counts_of(config, workshop)]

    (_, joint_text, joint_image, *_), (_, no_text, image, *_), (_, text, no_image, *_) = map(
        counted, ("joint", "t2i", "i2t")
    )
    assert (no_text, no_image) == (0, 0)
    assert (text, image) == (joint_text, joint_image)
    assert min(text, image) > 0


def test_rows_are_counted_as_training_reads_them(
    dataset: Path, tmp_path: Path, workshop: type[Workshop], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tree(dataset, tmp_path / "run", steps=5)
    whole = counts_of(config, workshop)
    monkeypatch.setattr(head_bias, "AT_ONCE", 300)
    for one, other in zip(whole, counts_of(config, workshop), strict=True):
        assert torch.equal(one, other)
    config["steps"] = 1
    for one, other in zip(whole, counts_of(config, workshop), strict=True):
        assert torch.equal(one, other)
    monkeypatch.setattr(head_bias, "COUNTED", 1024)
    assert 500 < sum(int(part.sum()) for part in counts_of(config, workshop)) < 1024


def test_a_run_begins_at_the_unigram_entropy(workshop: type[Workshop], tmp_path: Path) -> None:
    # a tenth of the codes occur, so a model without the bias begins at the log of ten times as many
    vocabulary = workshop.vocabulary.model_copy(update={"text": 3000})
    data = workshop.write(tmp_path / "data", counts={"docs": 400}, vocabulary=vocabulary)
    config = tree(data, tmp_path / "run", steps=4, log_every=1)
    config["data"]["batch_tokens"] = 4096
    torch.set_num_threads(1)
    assert train(TrainConfig.model_validate(config))
    first = next(line for line in curve(tmp_path / "run") if "split" not in line)
    assert first["nelbo"]["text"] == pytest.approx(math.log2(300), abs=0.15)
    bias = load_model(tmp_path / "run" / "model").model.head.bias
    assert bias is not None
    text = bias.detach()[1 : 1 + 3000]
    assert text[:300].min() > text[300:].max() + 2
