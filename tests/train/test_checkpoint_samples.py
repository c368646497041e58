"""Samples that a run generates while it trains: those of `triptych sample`, without a trace in the training."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import Store
from triptych.train.generate.generator import Generator
from triptych.train.run import train
from triptych.train.sample_sets import by_prompt, run_samples, thinned

from .small_runs import curve, tree

PROMPTS = {"text": ["", "one"], "t2i": ["a red bus"], "t2s": ["two"]}


@pytest.fixture(scope="module")
def sampled(made: Path, once: Callable[..., Path]) -> Path:
    """Two short runs that differ in their samples alone; not to be written to."""

    def fill(folder: Path) -> None:
        short: dict[str, Any] = {"steps": 3, "checkpoint": {"every": 2, "keep": 2}}
        for name, more in (("with", {"samples": {"prompts": PROMPTS, "n": 2}}), ("without", {})):
            config = tree(made, folder / name, **short, **more)
            train(TrainConfig.model_validate(config))

    return once("sampled", fill)


def test_sets_lie_beside_the_checkpoints_and_leave_no_trace_in_the_training(sampled: Path) -> None:
    assert curve(sampled / "with") == curve(sampled / "without")
    weights = [(sampled / name / "model" / "model.safetensors").read_bytes() for name in ("with", "without")]
    assert weights[0] == weights[1]
    lists = sorted(path.relative_to(sampled / "with") for path in sampled.glob("with/samples/*/*/samples.json"))
    steps = ("step-00000002", "step-00000003")
    assert [str(path.parent) for path in lists] == [f"samples/{s}/{t}" for s in steps for t in ("t2i", "t2s", "text")]
    assert not (sampled / "without" / "samples").exists()


def test_a_set_is_what_the_checkpoint_gives_afterwards(sampled: Path) -> None:
    facts = json.loads((sampled / "with/samples/step-00000002/t2i/samples.json").read_text())
    assert (facts["step"], facts["task"], [line["prompt"] for line in facts["samples"]]) == (
        2,
        "t2i",
        ["a red bus"] * 2,
    )
    assert facts["samples"][0]["tokens"] != facts["samples"][1]["tokens"]
    from triptych.schemas.config.model import Task

    made = Generator.open(sampled / "with", step=2).generate(Task.T2I, ["a red bus"]).samples[0]
    assert facts["samples"][0]["tokens"] == made.tokens.tolist()


def test_samples_of_a_prompt_stand_beside_each_other_by_step(sampled: Path, tmp_path: Path) -> None:
    found = by_prompt(run_samples(Store(str(sampled / "with"))))
    assert [(each.task, each.prompt) for each in found] == [
        ("t2i", "a red bus"),
        ("t2s", "two"),
        ("text", ""),
        ("text", "one"),
    ]
    assert [(step, [one.kind for one in samples]) for step, samples in found[1].steps] == [
        (2, ["wav", "wav"]),
        (3, ["wav", "wav"]),
    ]
    assert [step for step, _ in thinned(found[0], 1 + 1).steps] == [2, 3]
    other = tmp_path / "samples" / "mine"
    other.mkdir(parents=True)
    line = {"file": "sample-000.txt", "prompt": "p", "text": "t"}
    facts = {"step": None, "task": "text", "samples": [line, line | {"file": "../../secret.txt"}]}
    (other / "samples.json").write_text(json.dumps(facts))
    (tmp_path / "samples" / "bad").mkdir()
    (tmp_path / "samples" / "bad" / "samples.json").write_text("[")
    assert [(one.step, one.path) for one in run_samples(Store(str(tmp_path)))] == [
        (None, "samples/mine/sample-000.txt")
    ]


def test_steps_are_thinned_evenly() -> None:
    from triptych.train.sample_sets import PromptSamples

    many = PromptSamples("text", "", tuple((step, ()) for step in range(101)))
    assert [step for step, _ in thinned(many, 5).steps] == [0, 25, 50, 75, 100]


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ({"prompts": {"t2i": [" "]}}, "has an empty prompt"),
        ({"prompts": {"text": []}}, "is empty"),
        ({"prompts": {"i2t": ["a.png"]}}, "Input should be 'text', 't2i' or 't2s'"),
        ({"prompts": {}}, "at least 1 item"),
    ],
)
def test_what_cannot_be_sampled_is_refused(made: Path, tmp_path: Path, samples: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TrainConfig.model_validate(tree(made, tmp_path, samples=samples))


def test_a_sharded_model_is_refused(made: Path, tmp_path: Path) -> None:
    config = tree(made, tmp_path, samples={"prompts": PROMPTS}, compute={"parallel": "fsdp"})
    with pytest.raises(ValueError, match="needs the whole model in one process"):
        TrainConfig.model_validate(config)


def test_a_task_without_its_modality_is_refused_before_the_first_step(
    text_tree: Callable[..., Any], prepared: Callable[..., Any], tmp_path: Path
) -> None:
    prepared(text_tree(tmp_path / "texts"))
    config = tree(tmp_path / "texts", tmp_path / "run", samples={"prompts": {"t2i": ["a bus"]}})
    with pytest.raises(Refusal, match="trained without"):
        train(TrainConfig.model_validate(config))
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
