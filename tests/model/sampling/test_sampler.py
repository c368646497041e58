"""P8, P12, P13, P17: every rule says what is open and nothing else, in its own slice, whoever is sampled beside it."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.model.network.init import initialise
from triptych.model.network.inputs import Inputs
from triptych.model.network.presets import shape_of
from triptych.model.network.slices import Slices
from triptych.model.network.transformer import Transformer
from triptych.model.sampling.canvas import Canvas
from triptych.model.sampling.sampler import sample
from triptych.schemas.config.model import POSSIBLE, ModelConfig, Task
from triptych.schemas.config.sampling import Rule, SamplingConfig
from triptych.schemas.vocabulary import Kind, Modality, Special

from ..canvases import Moody, canvas, flat
from ..conftest import VOCABULARY, Sample, random_sample

SLICES = Slices.of(VOCABULARY)
RULES: tuple[Rule, ...] = get_args(Rule)
TEXT = Sample(text=[0] * 12)
BY_COUNT: list[Rule] = ["first-hitting", "confidence", "entropy", "margin"]


def mixed(draw: np.random.Generator, count: int) -> tuple[list[Sample], list[Task]]:
    samples = [random_sample(draw, list(Kind)[int(draw.integers(4))]) for _ in range(count)]
    return samples, [POSSIBLE[s.kind][int(draw.integers(len(POSSIBLE[s.kind])))] for s in samples]


def check(before: Canvas, tokens_T: torch.Tensor) -> None:
    """What was given stands; what was open has an id of its slice, and EOS where a text ends and nowhere else."""
    assert torch.equal(tokens_T[~before.target_T], before.tokens_T[~before.target_T])
    for index, block in enumerate(VOCABULARY.slices):
        said = tokens_T[before.target_T & (before.slice_T == index)]
        eos = said == Special.EOS
        assert ((said >= block.start) & (said < block.stop) | eos).all()
    assert torch.equal(tokens_T == Special.EOS, before.tokens_T == Special.EOS)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**30),
    rule=st.sampled_from(RULES),
    steps=st.integers(1, 20),
    grid=st.sampled_from(["linear", "cosine"]),
    block=st.none() | st.integers(1, 9),
    guidance=st.sampled_from([0.0, 1.5]),
    temperature=st.sampled_from([0.0, 0.7, 1.0]),
    top=st.sampled_from([{}, {"top_p": 0.6}, {"top_k": 3}]),
)
def test_what_is_given_stands_and_what_is_open_is_said_in_its_slice(
    seed: int, top: dict[str, Any], **keys: Any
) -> None:
    draw = np.random.default_rng(seed)
    whole = canvas(*mixed(draw, 5))
    some_T = torch.from_numpy(draw.random(len(whole.target_T)) < draw.random())  # infilling
    one = replace(whole, target_T=whole.target_T & some_T)
    config = SamplingConfig(choice_temperature=1.0, threshold=0.5, remask=0.2, **keys, **top)
    check(one, sample(Moody(SLICES), one, SLICES, config, seed).tokens_T)


@pytest.mark.parametrize("block", [None, 4])
@pytest.mark.parametrize("rule", RULES)
def test_sixteen_prompts_together_are_sixteen_alone(rule: Rule, block: int | None, draw: np.random.Generator) -> None:
    samples, tasks = mixed(draw, 16)
    keys = draw.permutation(1000)[:16].tolist()
    config = SamplingConfig(
        rule=rule, steps=7, block=block, choice_temperature=1.0, guidance=0.5, remask=0.2, top_p=0.9
    )
    together = canvas(samples, tasks, keys)
    sampled_T = sample(Moody(SLICES), together, SLICES, config, 3).tokens_T
    for number, (one, task, key) in enumerate(zip(samples, tasks, keys, strict=True)):
        alone = sample(Moody(SLICES), canvas([one], [task], [key]), SLICES, config, 3)
        assert torch.equal(sampled_T[together.index_T == number], alone.tokens_T)


@pytest.mark.parametrize("rule", ["ancestral", "confidence", "entropy-bounded"])
def test_so_they_are_with_a_transformer(rule: Rule, draw: np.random.Generator) -> None:
    model = Transformer(shape_of(ModelConfig(depth=2, width=128)), VOCABULARY)
    initialise(model, 0)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))

    def predict(inputs: Inputs) -> list[torch.Tensor]:
        parts = model.hidden_states(inputs).split([count for _, count in inputs.groups])
        return [model.head.logits(h, index) for (index, _), h in zip(inputs.groups, parts, strict=True)]

    samples, tasks = mixed(draw, 16)
    config = SamplingConfig(rule=rule, steps=5, guidance=1.0)
    together = canvas(samples, tasks)
    sampled_T = sample(predict, together, SLICES, config, 0).tokens_T
    check(together, sampled_T)
    for number in range(16):
        alone = sample(predict, canvas([samples[number]], [tasks[number]], [number]), SLICES, config, 0)
        assert torch.equal(sampled_T[together.index_T == number], alone.tokens_T)


@pytest.mark.parametrize("grid", ["linear", "cosine"])
@pytest.mark.parametrize("rule", BY_COUNT)
def test_a_step_says_as_many_as_the_grid_has(rule: Rule, grid: str) -> None:
    """Lengths need be no multiple of steps, and each segment has counts of its own."""
    lengths, steps = (12, 7, 30), 9
    predict = flat(SLICES)
    config = SamplingConfig.model_validate({"rule": rule, "grid": grid, "steps": steps})
    open_ = canvas([Sample(text=[0] * n) for n in lengths], [Task.TEXT] * 3)
    sample(predict, open_, SLICES, config, 0)
    for length in lengths:
        left = [1 - s / steps if grid == "linear" else np.cos(np.pi * s / steps / 2) for s in range(steps + 1)]
        want = [int(np.floor(length * share + 1e-9)) for share in left]
        seen = [masks for call in predict.masks for size, masks in call if size == length + 2]
        assert seen == [n for n, after in pairwise(want) if n != after]


def test_settings_and_canvas_stay_as_they_were() -> None:
    open_ = canvas([TEXT, TEXT], [Task.TEXT] * 2)
    tokens_T, open_T = open_.tokens_T.clone(), open_.target_T.clone()
    config = SamplingConfig(rule="confidence", steps=5, choice_temperature=2.0)
    said = [sample(Moody(SLICES), open_, SLICES, config, 1).tokens_T for _ in range(2)]
    assert torch.equal(*said)
    assert torch.equal(open_.tokens_T, tokens_T)
    assert torch.equal(open_.target_T, open_T)
    assert not torch.equal(said[0], sample(Moody(SLICES), open_, SLICES, config, 2).tokens_T)
    assert not torch.equal(said[0][:14], said[0][14:])  # another key


@pytest.mark.parametrize("rule", RULES)
def test_the_end_of_text_has_no_say_where_text_goes_on(rule: Rule) -> None:
    """P12: neither in what is drawn nor in how sure a place is."""
    config = SamplingConfig(rule=rule, steps=4)
    said = [
        sample(Moody(SLICES, eos=eos), canvas([TEXT] * 3, [Task.TEXT] * 3), SLICES, config, 0).tokens_T
        for eos in (-50.0, 50.0)
    ]
    assert torch.equal(*said)


def test_first_hitting_says_one_place_a_call_in_every_segment() -> None:
    """P17: exact with as many steps as places, whatever else is in the batch; more steps ask no more."""
    for steps in (12, 500):
        predict = flat(SLICES)
        out = sample(predict, canvas([TEXT] * 3, [Task.TEXT] * 3), SLICES, SamplingConfig(steps=steps), 0)
        assert out.calls == len(predict.masks) == 12
        assert predict.masks == [[(14, n)] * 3 for n in range(12, 0, -1)]


def test_segments_with_nothing_to_say_are_left_out() -> None:
    predict = flat(SLICES)
    given_ = canvas([Sample(text=[0] * 2), TEXT, Sample(text=[1] * 5, image=[0])], [Task.TEXT, Task.TEXT, Task.T2I])
    sample(predict, given_, SLICES, SamplingConfig(steps=12), 0)
    assert [one.segment_BL.shape[1] for one in predict.inputs[:3]] == [len(given_.tokens_T), 14, 14]


@pytest.mark.parametrize("rule", RULES)
def test_blocks_are_said_one_after_another(rule: Rule) -> None:
    predict = Moody(SLICES)
    seen: list[torch.Tensor] = []

    def watched(inputs: Inputs) -> list[torch.Tensor]:
        seen.append(inputs.tokens_BL[0] == Special.MASK)
        return predict(inputs)

    config = SamplingConfig(rule=rule, steps=12, block=4)
    sample(watched, canvas([TEXT], [Task.TEXT]), SLICES, config, 0)
    for masked_T in seen:
        begun = [0 < int(masked_T[1 + at : 5 + at].sum()) < 4 for at in (0, 4, 8)]
        left = [bool(masked_T[1 + at : 5 + at].any()) for at in (0, 4, 8)]
        assert sum(begun) <= 1
        assert left == sorted(left)


def test_nothing_open_is_nothing_asked() -> None:
    closed = canvas([TEXT], [Task.TEXT])
    closed = replace(closed, target_T=torch.zeros_like(closed.target_T))
    for rule in RULES:
        out = sample(flat(SLICES), closed, SLICES, SamplingConfig(rule=rule), 0)
        assert out.calls == 0
        assert torch.equal(out.tokens_T, closed.tokens_T)


def test_a_text_that_ends_in_the_open_ends_there() -> None:
    open_ = canvas([Sample(text=[3, 3], image=[0, 1])], [Task.JOINT])
    sampled_T = sample(flat(SLICES), open_, SLICES, SamplingConfig(steps=3), 0).tokens_T
    assert sampled_T[open_.modality_T == Modality.TEXT][-1] == Special.EOS
