"""What is masked, what is never, and that noise is a function of the key alone (P8, P9, P21)."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.diffusion.noised_batch import NoisedBatch
from triptych.model.diffusion.tasks import TASKS
from triptych.model.network.slices import Slices
from triptych.schemas.config.model import AutoregressiveObjective, MaskedObjective, ObjectiveConfig, Task
from triptych.schemas.vocabulary import Kind, Modality, Special

from ..conftest import VOCABULARY, Sample, pack, random_rows

SLICES = Slices.of(VOCABULARY)
EVERY = {Kind.IMAGE_AUDIO_TEXT: {Task.T2I: 0.3, Task.S2T: 0.3, Task.JOINT: 0.4}}
OBJECTIVES: list[ObjectiveConfig] = [
    MaskedObjective(),
    MaskedObjective(tasks=EVERY, condition_dropout=0.5, anti_masking=True),
    MaskedObjective(estimator="bernoulli", schedule="cosine", anti_masking=True),
    AutoregressiveObjective(kind="autoregressive"),
]


def noised(rows: list[list[Sample]], objective: ObjectiveConfig, *, seed: int = 0, epoch: int = 0) -> NoisedBatch:
    batch = pack(rows, 96, epoch=epoch)
    return corrupt(batch, objective, SLICES, seed, RowPlacement(0, torch.arange(len(rows)), len(rows)))


@given(st.integers(0, 10**6), st.sampled_from(OBJECTIVES))
def test_what_holds_of_every_batch(seed: int, objective: ObjectiveConfig) -> None:
    rows = random_rows(np.random.default_rng(seed), 4, 96)
    batch, out = pack(rows, 96), noised(rows, objective, seed=seed)
    copies = objective.copies
    clean, shown = batch.tokens_BL.repeat(copies, 1), out.inputs.tokens_BL
    content = (batch.slice_BL > 0).repeat(copies, 1)
    hidden = shown == Special.MASK

    # only content is hidden; the rest is as it was, but for the task slots, which all say a task
    assert not bool((hidden & ~content).any())
    slots = clean == Special.TASK
    assert bool(((shown == clean) | hidden | slots).all())
    tasks = [[TASKS[index].special for index in out.task_S.tolist()]] * copies
    assert shown[slots].tolist() == [special for copy in tasks for special in copy]

    # what is asked for is the truth, in its slice's classes, grouped
    place = out.inputs.query_N + int(out.inputs.causal)
    index = torch.repeat_interleave(*torch.tensor(out.inputs.groups).reshape(-1, 2).T)
    assert torch.equal(index, batch.slice_BL.repeat(copies, 1).flatten()[place].long())
    widths = torch.tensor(SLICES.widths)[index]
    assert bool(((out.inputs.class_N >= 0) & (out.inputs.class_N < widths)).all())
    truth = clean.flatten()[place]
    ids = [SLICES.token_of(c, int(i)) for c, i in zip(out.inputs.class_N, index, strict=True)]
    assert torch.equal(torch.stack(ids) if ids else truth, truth)
    if not out.inputs.causal:
        assert bool(hidden.flatten()[place].all())
        assert len(torch.unique(place)) == len(place)

    # counts: a target is content of a noised half
    assert int(out.targets) <= int((batch.slice_BL > 0).sum())
    assert bool(((out.targets_SM > 0) >= (out.sizes_SM > 0)).all())
    assert bool((out.weight_N > 0).all())


def test_the_control_asks_for_every_content_token_of_the_place_before() -> None:
    sample = Sample(text=[3, 4], image=[5, 6], audio=[1, 2])
    batch, out = pack([[sample, Sample(text=[9])]], 24), None
    out = corrupt(batch, OBJECTIVES[-1], SLICES, 0, RowPlacement(0, torch.arange(1), 1))
    asked = sorted(out.inputs.query_N.tolist())
    # [TASK 3 4 EOS BOI 5 6 EOI BOA 1 2 EOA] [TASK 9 EOS]
    assert asked == [0, 1, 2, 4, 5, 8, 9, 12, 13]
    assert out.inputs.slice_BL[0, :10].tolist() == [1, 1, 1, 0, 2, 2, 0, 0, 3, 4]
    assert out.inputs.tokens_BL[0, [0, 12]].tolist() == [Special.JOINT, Special.TEXT]
    assert int(out.targets) == 9
    assert out.weight_N.tolist() == [1.0] * 9


def test_exactly_k_of_a_half_are_masked_and_weigh_n_over_k(draw: np.random.Generator) -> None:
    rows = random_rows(draw, 16, 96)
    out = noised(rows, MaskedObjective())
    masked = torch.bincount(out.segment_N, minlength=len(out.task_S))
    n = out.targets_SM.sum(-1)
    assert bool(((masked >= 1) & (masked <= n)).all())
    torch.testing.assert_close(out.weight_N, (n / masked)[out.segment_N].float())
    # all weights of a segment sum to n: constants come out exactly, whatever is masked
    sums = torch.zeros(len(n)).index_add_(0, out.segment_N, out.weight_N)
    torch.testing.assert_close(sums, n.float())


def test_complements_cover_each_target_once_or_all_of_them_twice(draw: np.random.Generator) -> None:
    out = noised(random_rows(draw, 16, 96), MaskedObjective(anti_masking=True))
    times = torch.bincount(out.inputs.query_N % (16 * 96), minlength=16 * 96)
    n = out.targets_SM.sum(-1)
    asked = torch.bincount(out.segment_N, minlength=len(n))
    assert set((asked / n).tolist()) <= {1.0, 2.0}
    assert int(times.sum()) == int(asked.sum())
    assert int(out.targets) == int((times > 0).sum())


@pytest.mark.parametrize(
    ("task", "noise", "given"),
    [("t2i", Modality.IMAGE, Modality.TEXT), ("s2t", Modality.TEXT, Modality.AUDIO)],
)
@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_halves_by_task(task: str, noise: Modality, given: Modality, dropout: float) -> None:
    tasks = {Kind.IMAGE_AUDIO_TEXT: {Task(task): 1.0}}
    objective = MaskedObjective(tasks=tasks, condition_dropout=dropout)
    sample = Sample(text=[1, 2, 3], image=[4, 5, 6, 7], audio=[1, 2, 3, 4])
    batch = pack([[sample] * 3], 96)
    out = corrupt(batch, objective, SLICES, 0, RowPlacement(0, torch.arange(1), 1))
    hidden = (out.inputs.tokens_BL == Special.MASK)[0]
    content = batch.slice_BL[0] > 0
    of = batch.modality_BL[0]
    assert bool(hidden[(of == given) & content].all()) == bool(dropout)
    assert bool(hidden[(of == given) & content].any()) == bool(dropout)
    third = ({Modality.TEXT, Modality.IMAGE, Modality.AUDIO} - {noise, given}).pop()
    assert bool(hidden[(of == third) & content].all())
    assert set(out.modality_N.tolist()) == {noise}
    assert out.targets_SM.nonzero()[:, 1].unique().tolist() == [noise]
    assert out.sizes_SM.nonzero()[:, 1].unique().tolist() == [noise]
    assert out.dropped_S.tolist() == [bool(dropout)] * 3


def test_tasks_come_as_often_as_stated() -> None:
    rows = [[Sample(text=[1], image=[2])] * 16 for _ in range(256)]
    batch = pack(rows, 96)
    out = corrupt(batch, MaskedObjective(), SLICES, 0, RowPlacement(0, torch.arange(256), 256))
    shares = torch.bincount(out.task_S, minlength=len(TASKS)) / 4096
    assert shares[[1, 2, 5]].tolist() == pytest.approx([0.4, 0.3, 0.3], abs=4 * 0.0077)
    conditional = out.task_S != TASKS.index(Task.JOINT)
    assert float(out.dropped_S[conditional].float().mean()) == pytest.approx(0.1, abs=4 * 0.0056)
    assert not bool(out.dropped_S[~conditional].any())


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("world", [1, 2, 4])
def test_the_same_noise_at_any_world_size(objective: ObjectiveConfig, world: int, draw: np.random.Generator) -> None:
    rows = random_rows(draw, 8, 96)
    whole = noised(rows, objective)
    for rank in range(world):
        mine = list(range(rank, 8, world))  # strided over ranks
        batch = pack([rows[i] for i in mine], 96, numbers=mine)
        part = corrupt(batch, objective, SLICES, 0, RowPlacement(0, torch.tensor(mine), 8))
        for copy in range(objective.copies):
            theirs = part.inputs.tokens_BL.view(objective.copies, len(mine), 96)[copy]
            assert torch.equal(theirs, whole.inputs.tokens_BL.view(objective.copies, 8, 96)[copy, mine])


def test_noise_is_fresh_in_each_epoch_and_seed(draw: np.random.Generator) -> None:
    rows = random_rows(draw, 8, 96)
    first, again = noised(rows, MaskedObjective()), noised(rows, MaskedObjective())
    assert torch.equal(first.inputs.tokens_BL, again.inputs.tokens_BL)
    for other in (noised(rows, MaskedObjective(), epoch=1), noised(rows, MaskedObjective(), seed=1)):
        mask, theirs = first.inputs.tokens_BL == Special.MASK, other.inputs.tokens_BL == Special.MASK
        assert float((mask != theirs)[mask | theirs].float().mean()) > 0.2
