"""P1, P3, P5: with a known source and its best predictor, every estimator gives the source's own figure."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from triptych.model.diffusion.batch import Batch
from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.loss import loss
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.diffusion.noised_batch import NoisedBatch
from triptych.model.diffusion.tasks import TASKS
from triptych.model.network.slices import Slices
from triptych.schemas.config.model import AutoregressiveObjective, LossWeights, MaskedObjective, ObjectiveConfig, Task
from triptych.schemas.vocabulary import Kind, Modality, Special

from ..conftest import Sample, pack
from ..markov import VOCABULARY, Markov, Oracle, chains

SOURCE = Markov()
SLICES = Slices.of(VOCABULARY)
HALVES = {Modality.TEXT, Modality.IMAGE, Modality.AUDIO}
NOTHING: set[Modality] = set()
LENGTHS = {Modality.TEXT: 6, Modality.IMAGE: 4, Modality.AUDIO: 4}
STEPS, ROWS = 40, 12
ESTIMATORS = [
    MaskedObjective(estimator=estimator, schedule=schedule, anti_masking=anti)
    for estimator in ("exact-k", "bernoulli")
    for schedule in ("linear", "cosine", "polynomial")
    for anti in (False, True)
]
LAYOUTS = {"alone": (1, 0), "several": (4, 0), "padded": (2, 9)}


def rows_of(kind: Kind, per_row: int, seed: int = 0) -> list[list[Sample]]:
    draw = np.random.default_rng(seed)
    return [[SOURCE.sample(draw, kind, LENGTHS) for _ in range(per_row)] for _ in range(ROWS)]


def packed(rows: list[list[Sample]], padding: int = 0) -> Batch:
    length = max(sum(len(sample.places(VOCABULARY)) for sample in row) for row in rows)
    return pack(rows, length + padding, vocabulary=VOCABULARY)


def steps(batch: Batch, objective: ObjectiveConfig) -> list[NoisedBatch]:
    """The batch, noised anew in each of STEPS epochs."""
    places = [RowPlacement(step, torch.arange(ROWS), ROWS) for step in range(STEPS)]
    again = [replace(batch, epoch_B=torch.full((ROWS,), step)) for step in range(STEPS)]
    return [corrupt(one, objective, SLICES, 0, place) for one, place in zip(again, places, strict=True)]


def exact(batch: Batch, predicted: set[Modality] = HALVES, given: set[Modality] = NOTHING) -> torch.Tensor:
    """Nats (S,) of what each segment has in the predicted halves, under the condition of the given ones."""

    def of(halves: set[Modality]) -> torch.Tensor:
        keep_BL = torch.isin(batch.modality_BL, torch.tensor(sorted(halves), dtype=torch.uint8))
        tokens_BL = torch.where(keep_BL, batch.tokens_BL, int(Special.MASK))
        return SOURCE.log_likelihood(chains(tokens_BL, batch.segment_BL, batch.slice_BL.long())[2])

    return of(given) - of(predicted | given)


def errors(batch: Batch, objective: ObjectiveConfig, truth_S: torch.Tensor) -> tuple[float, float]:
    """Mean over steps, and its standard error, of what an estimate of a batch's nats is off by, a segment."""
    parts = [loss(Oracle(SOURCE), out, objective) for out in steps(batch, objective)]
    return mean_and_error([float((part.nats_SM.sum(-1) - truth_S).mean()) for part in parts])


def mean_and_error(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1)) / len(values) ** 0.5


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("objective", ESTIMATORS, ids=lambda o: f"{o.estimator}-{o.schedule}-{o.anti_masking}")
def test_every_estimator_gives_the_likelihood_of_the_samples(objective: MaskedObjective, layout: str) -> None:
    per_row, padding = LAYOUTS[layout]
    batch = packed(rows_of(Kind.TEXT, per_row), padding)
    mean, error = errors(batch, objective, exact(batch))
    assert error > 0
    assert abs(mean) < 4 * error


def test_and_the_entropy_of_the_source() -> None:
    nats = []
    for seed in range(STEPS):
        batch = packed(rows_of(Kind.TEXT, 4, seed))
        out = corrupt(batch, MaskedObjective(), SLICES, seed, RowPlacement(0, torch.arange(ROWS), ROWS))
        nats.append(float(loss(Oracle(SOURCE), out, MaskedObjective()).nats_SM.sum(-1).mean()))
    mean, error = mean_and_error(nats)
    assert error < 0.03 * SOURCE.entropy(6)
    assert abs(mean - SOURCE.entropy(6)) < 4 * error


@pytest.mark.parametrize("kind", list(Kind))
def test_the_control_is_exact(kind: Kind) -> None:
    batch = packed(rows_of(kind, 3), 5)
    objective = AutoregressiveObjective(kind="autoregressive")
    parts = loss(Oracle(SOURCE), steps(batch, objective)[0], objective)
    torch.testing.assert_close(parts.nats_SM.sum(-1), exact(batch), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("dropout", [0.0, 1.0])
@pytest.mark.parametrize("task", [Task.T2I, Task.I2T, Task.T2S, Task.S2T])
def test_a_task_is_the_conditional_likelihood(task: Task, dropout: float) -> None:
    objective = MaskedObjective(tasks={Kind.IMAGE_AUDIO_TEXT: {task: 1.0}}, condition_dropout=dropout)
    batch = packed(rows_of(Kind.IMAGE_AUDIO_TEXT, 2))
    assert task.given is not None
    assert task.predicted is not None
    truth = exact(batch, {task.predicted}, NOTHING if dropout else {task.given})
    mean, error = errors(batch, objective, truth)
    assert abs(mean) < 4 * error


@pytest.mark.parametrize("kind", [Kind.IMAGE_TEXT, Kind.IMAGE_AUDIO_TEXT])
def test_joint_is_the_joint_likelihood(kind: Kind) -> None:
    batch = packed(rows_of(kind, 2))
    mean, error = errors(batch, MaskedObjective(tasks={kind: {Task.JOINT: 1.0}}), exact(batch))
    assert abs(mean) < 4 * error


def test_a_wrong_weight_would_be_found() -> None:
    # MaskGIT's mean over masked tokens under a cosine schedule is no bound (P3, P5)
    batch = packed(rows_of(Kind.TEXT, 4))
    objective = MaskedObjective(schedule="cosine")
    truth = exact(batch)
    off = []
    for out in steps(batch, objective):
        masked_S = torch.bincount(out.segment_N, minlength=len(out.task_S))
        wrong = replace(out, weight_N=(out.targets_SM.sum(-1) / masked_S)[out.segment_N].float())
        off.append(float((loss(Oracle(SOURCE), wrong, objective).nats_SM.sum(-1) - truth).mean()))
    mean, error = mean_and_error(off)
    assert abs(mean) > 4 * error


def test_loss_is_the_bound_when_no_weight_is_set_and_bends_to_those_that_are() -> None:
    batch = packed(rows_of(Kind.IMAGE_TEXT, 2))
    out = steps(batch, MaskedObjective(weighting="bound"))[0]
    plain = loss(Oracle(SOURCE), out, MaskedObjective(weighting="bound"))
    torch.testing.assert_close(plain.loss.double(), plain.nats_SM.sum(), rtol=1e-5, atol=1e-4)
    weighted = MaskedObjective(weighting="bound", loss_weights=LossWeights(text=0.5, image=2.0))
    bent = loss(Oracle(SOURCE), out, weighted)
    assert torch.equal(bent.nats_SM, plain.nats_SM)
    by_half = plain.nats_SM.sum(0)
    want = 0.5 * by_half[Modality.TEXT] + 2 * by_half[Modality.IMAGE]
    torch.testing.assert_close(bent.loss.double(), want, rtol=1e-5, atol=1e-4)
    assert [TASKS[index] for index in out.task_S.unique().tolist()] == [Task.T2I, Task.I2T, Task.JOINT]
