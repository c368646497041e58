"""What a step's numbers are: exact where they can be, and the same however the batch is cut (P9, P19)."""

import math
from typing import Literal

import numpy as np
import pytest
import torch

from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.loss import loss
from triptych.model.diffusion.loss_sums import LossSums
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.diffusion.tasks import TASKS
from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import AutoregressiveObjective, MaskedObjective, ModelConfig, ObjectiveConfig, Task
from triptych.schemas.vocabulary import Kind, Modality, Vocabulary

from ..conftest import VOCABULARY, Sample, pack, random_rows

LENGTH = 96
EVERY: list[ObjectiveConfig] = [
    *[
        MaskedObjective(estimator="exact-k", schedule=schedule, anti_masking=anti)
        for schedule in ("linear", "cosine", "polynomial")
        for anti in (False, True)
    ],
    AutoregressiveObjective(kind="autoregressive"),
]


def model(vocabulary: Vocabulary = VOCABULARY) -> Transformer:
    made = Transformer(shape_of(ModelConfig(depth=1, width=64)), vocabulary)
    initialise(made, 0)
    return made


def gradient_of(made: Transformer) -> torch.Tensor:
    gradient = made.get_parameter("blocks.0.mlp.down.weight").grad
    assert gradient is not None
    return gradient


def places(rows: int) -> RowPlacement:
    return RowPlacement(0, torch.arange(rows), rows)


UNIFORM = Vocabulary(text=26, image=512, audio=(64, 64))
SAMPLES = {
    Task.TEXT: (Sample(text=[1, 2, 3, 4, 5]), Modality.TEXT, math.log2(27)),  # with EOS
    Task.T2I: (Sample(text=[1], image=[7] * 9), Modality.IMAGE, 9.0),
    Task.T2S: (Sample(text=[1], audio=[3] * 8), Modality.AUDIO, 6.0),
}


@pytest.mark.parametrize("task", SAMPLES)
@pytest.mark.parametrize("objective", EVERY, ids=lambda o: f"{o.kind}-{getattr(o, 'schedule', '')}-{o.copies}")
def test_uniform_logits_give_log2_of_the_slice(objective: ObjectiveConfig, task: Task) -> None:
    sample, half, expected = SAMPLES[task]
    if isinstance(objective, MaskedObjective):
        objective = objective.model_copy(update={"tasks": {kind: {task: 1.0} for kind in Kind}})
    made = model(UNIFORM)
    torch.nn.init.zeros_(made.head.weight)
    out = corrupt(pack([[sample] * 3] * 2, 64, vocabulary=UNIFORM), objective, made.slices, 0, places(2))
    nats_N, _ = made(out.inputs)
    asked = nats_N[out.modality_N == half] / math.log(2)
    torch.testing.assert_close(asked, torch.full_like(asked, expected))
    if getattr(objective, "schedule", "linear") == "linear":  # else weights sum to n in expectation alone
        figure = LossSums.of(out, loss(made, out, objective).nats_SM).bits_per_token()[half]
        assert figure.mean == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("world", [2, 4])
@pytest.mark.parametrize("objective", EVERY[1::5], ids=lambda o: o.kind)
def test_a_step_is_the_same_in_parts(objective: ObjectiveConfig, world: int, draw: np.random.Generator) -> None:
    rows = random_rows(draw, 8, LENGTH)
    made = model()
    whole = corrupt(pack(rows, LENGTH), objective, made.slices, 0, places(8))
    (loss(made, whole, objective).loss / whole.targets).backward()
    gradient = gradient_of(made).clone()
    made.zero_grad()
    shares = [list(range(rank, 8, world)) for rank in range(world)]
    parts = [
        corrupt(
            pack([rows[i] for i in mine], LENGTH, numbers=mine),
            objective,
            made.slices,
            0,
            RowPlacement(0, torch.tensor(mine), 8),
        )
        for mine in shares
    ]
    targets = sum(part.targets for part in parts)
    assert int(targets) == int(whole.targets)
    tallies = []
    for part in parts:
        done = loss(made, part, objective)
        (done.loss / targets).backward()
        tallies.append(LossSums.of(part, done.nats_SM))
    torch.testing.assert_close(gradient_of(made), gradient, atol=1e-6, rtol=1e-4)
    summed = tallies[0]
    for sums in tallies[1:]:
        summed = summed.plus(sums)
    once = LossSums.of(whole, loss(made, whole, objective).nats_SM)
    torch.testing.assert_close(summed.sums_FTM, once.sums_FTM, atol=1e-3, rtol=1e-5)


def test_z_loss_is_the_square_of_log_z_by_the_same_weights(draw: np.random.Generator) -> None:
    made = model()
    out = corrupt(pack(random_rows(draw, 2, LENGTH), LENGTH), MaskedObjective(), made.slices, 0, places(2))
    plain, with_z = (loss(made, out, MaskedObjective(weighting="bound", z_loss=z)) for z in (0.0, 0.5))
    _, log_z = made(out.inputs)
    torch.testing.assert_close(with_z.loss - plain.loss, 0.5 * (out.weight_N * log_z**2).sum(), rtol=1e-4, atol=1e-3)
    assert torch.equal(with_z.nats_SM, plain.nats_SM)


@pytest.mark.parametrize("anti_masking", [False, True])
@pytest.mark.parametrize("estimator", ["exact-k", "bernoulli"])
def test_flat_weights_are_equal_and_leave_the_bound_as_it_is(
    estimator: Literal["exact-k", "bernoulli"], anti_masking: bool, draw: np.random.Generator
) -> None:
    objective = MaskedObjective(estimator=estimator, anti_masking=anti_masking)
    bound = objective.model_copy(update={"weighting": "bound"})
    made = model()
    out = corrupt(pack(random_rows(draw, 4, LENGTH), LENGTH), objective, made.slices, 0, places(4))
    nats_N, log_z_N = made(out.inputs)
    flat, plain = (loss(lambda inputs: (nats_N, log_z_N), out, each) for each in (objective, bound))
    assert torch.equal(flat.nats_SM, plain.nats_SM)
    torch.testing.assert_close(plain.loss.double(), plain.nats_SM.sum(), rtol=1e-5, atol=1e-4)
    if estimator == "exact-k":  # n/k times 2 k/n, halved where there are two copies
        torch.testing.assert_close(flat.loss, nats_N.sum() * (1 if anti_masking else 2), rtol=1e-5, atol=1e-4)
    counts = torch.bincount(out.segment_N)[out.segment_N] / out.targets_SM.sum(-1)[out.segment_N]
    if not anti_masking:
        torch.testing.assert_close(out.share_N, counts.float())


def test_one_eos_a_segment_is_data_and_padding_is_nothing() -> None:
    batch = pack([[Sample(text=[1, 2, 3])]], 64)
    made = model()
    out = corrupt(batch, MaskedObjective(), made.slices, 0, places(1))
    assert int(out.targets) == 4  # three codes and EOS, of 64 places
    control = corrupt(batch, EVERY[-1], made.slices, 0, places(1))
    assert int((control.inputs.class_N == 0).sum()) == 1


def test_figures_of_a_tally() -> None:
    batch = pack([[Sample(text=[1] * 3, text_bytes=8), Sample(text=[2] * 7, text_bytes=24)]], 32)
    out = corrupt(batch, MaskedObjective(), model().slices, 0, places(1))
    nats = torch.zeros(2, 4, dtype=torch.float64)
    nats[:, Modality.TEXT] = torch.tensor([4.0, 14.0]) * math.log(2)
    sums = LossSums.of(out, nats)
    figure = sums.bits_per_token()[Modality.TEXT]
    assert figure.mean == pytest.approx(18 / 12)
    # sum of (nats - mean × tokens)² over two segments of 4 and 8 tokens
    assert figure.error == pytest.approx(math.sqrt((4 - 6) ** 2 + (14 - 12) ** 2) / 12)
    assert sums.bits_per_size() == {Modality.TEXT: pytest.approx(18 / 32)}
    assert sums.tokens() == 12
    assert Modality.IMAGE not in sums.bits_per_token()


def test_tallies_know_tasks_and_dropped_conditions_apart() -> None:
    objective = MaskedObjective(tasks={Kind.IMAGE_TEXT: {Task.T2I: 1.0}}, condition_dropout=0.5)
    batch = pack([[Sample(text=[1], image=[2, 3])] * 8] * 4, LENGTH)
    out = corrupt(batch, objective, model().slices, 0, places(4))
    sums = LossSums.of(out, torch.ones(32, 4, dtype=torch.float64))
    index = TASKS.index(Task.T2I)
    apart = [sums.of_task(index).tokens(), sums.of_task(index + len(TASKS)).tokens()]
    assert sum(apart) == sums.tokens() == 64
    assert apart[1] == 2 * int(out.dropped_S.sum()) > 0


def test_the_standard_error_is_the_spread_over_samples() -> None:
    # the figure of 120 batches against its own error bar
    draw = np.random.default_rng(0)
    made = model().eval()
    figures = []
    for seed in range(120):
        texts = [draw.integers(0, 40, int(draw.integers(1, 12))).tolist() for _ in range(16)]
        rows = [[Sample(text=text) for text in texts[i : i + 4]] for i in range(0, 16, 4)]
        out = corrupt(pack(rows, LENGTH), MaskedObjective(), made.slices, seed, places(4))
        with torch.no_grad():
            parts = loss(made, out, MaskedObjective())
        figures.append(LossSums.of(out, parts.nats_SM).bits_per_token()[Modality.TEXT])
    spread = np.std([figure.mean for figure in figures], ddof=1)
    assert np.mean([figure.error for figure in figures]) == pytest.approx(spread, rel=0.25)
