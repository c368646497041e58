"""A canvas is what training shows: the same tokens, slices and tasks, asked alone or together."""

import torch

from triptych.model.diffusion.corrupt import noised
from triptych.model.diffusion.noised_batch import assemble
from triptych.model.diffusion.tasks import TASKS
from triptych.model.network.slices import Slices
from triptych.model.sampling.canvas import Canvas, canvas_of, inputs_of
from triptych.schemas.config.model import MaskedObjective, Task
from triptych.schemas.dataset.layout import sample_table
from triptych.schemas.vocabulary import Kind, Modality, Special

from ..conftest import VOCABULARY, Sample, pack

SAMPLES = [
    Sample(text=[3, 4, 5]),
    Sample(text=[1, 2], image=[0, 1, 2, 3]),
    Sample(text=[7], audio=[1, 2, 3, 4]),
    Sample(text=[7], image=[4, 5, 6, 7], audio=[1, 2]),
]
DRAWN = [Task.TEXT, Task.T2I, Task.S2T, Task.I2T]


def made(samples: list[Sample], tasks: list[Task]) -> Canvas:
    codes = {half: [getattr(s, half.name.lower()) for s in samples] for half in list(Modality)[1:]}
    sizes = {half.name.lower(): 4 for half in codes}
    return canvas_of(sample_table([s.kind for s in samples], codes, sizes), VOCABULARY, tasks)


def test_everything_open_is_what_training_shows_when_all_is_masked() -> None:
    slices = Slices.of(VOCABULARY)
    batch = pack([SAMPLES], 48)
    task_S, dropped_S = torch.tensor([TASKS.index(task) for task in DRAWN]), torch.zeros(4, dtype=torch.bool)
    all_S = torch.full((4,), 1 - 2.0**-53, dtype=torch.float64)
    trained = assemble(batch, slices, noised(batch, MaskedObjective(), 0, task_S, dropped_S, all_S)).inputs
    canvas = made(SAMPLES, DRAWN)
    inputs, query_N = inputs_of(canvas, slices, canvas.masked_tokens, canvas.target_T)
    used = int((batch.segment_BL > 0).sum())
    for name in ("tokens_BL", "segment_BL", "position_BL", "slice_BL"):
        assert torch.equal(getattr(inputs, name), getattr(trained, name)[:, :used]), name
    assert torch.equal(inputs.query_N, trained.query_N)
    assert torch.equal(inputs.class_N, trained.class_N)
    assert inputs.groups == trained.groups
    assert torch.equal(query_N, inputs.query_N)


def test_a_task_opens_what_it_predicts_and_hides_a_third_half() -> None:
    canvas = made(SAMPLES[3:], [Task.I2T])
    seen = canvas.tokens_T[~canvas.target_T & ~canvas.hidden_T].tolist()
    image = VOCABULARY.slice_of(Modality.IMAGE).start
    frames = [Special.I2T, Special.BOI, *range(image + 4, image + 8), Special.EOI, Special.BOA, Special.EOA]
    assert seen == frames
    assert canvas.tokens_T[canvas.given_T].tolist() == list(range(image + 4, image + 8))
    assert set(canvas.modality_T[canvas.target_T].tolist()) == {Modality.TEXT}
    assert set(canvas.modality_T[canvas.hidden_T].tolist()) == {Modality.AUDIO}
    assert Kind.TEXT.code == 0
    assert (canvas.masked_tokens[canvas.target_T | canvas.hidden_T] == Special.MASK).all()


def test_an_autoregressive_model_is_asked_at_the_place_before() -> None:
    canvas = made(SAMPLES[:2], [Task.TEXT, Task.JOINT])
    slices = Slices.of(VOCABULARY)
    masked, _ = inputs_of(canvas, slices, canvas.tokens_T, canvas.target_T)
    causal, query_N = inputs_of(canvas, slices, canvas.tokens_T, canvas.target_T, causal=True)
    assert torch.equal(causal.query_N + 1, query_N)
    assert torch.equal(causal.class_N, masked.class_N)
    assert causal.causal
    asked = causal.slice_BL[0, causal.query_N]
    assert torch.equal(asked, canvas.slice_T[query_N])
