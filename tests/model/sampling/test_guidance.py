"""P14: one convention, off at 0; the null condition is that of training."""

import pytest
import torch

from triptych.model.diffusion.corrupt import noised
from triptych.model.diffusion.noised_batch import assemble
from triptych.model.diffusion.tasks import TASKS
from triptych.model.network.inputs import Inputs
from triptych.model.network.slices import Slices
from triptych.model.sampling.canvas import inputs_of
from triptych.model.sampling.guidance import guided, weights, with_null
from triptych.model.sampling.query import query
from triptych.model.sampling.sampler import sample
from triptych.schemas.config.model import MaskedObjective, Task
from triptych.schemas.config.sampling import SamplingConfig

from ..canvases import Moody, canvas
from ..conftest import VOCABULARY, Sample, pack

SLICES = Slices.of(VOCABULARY)
SAMPLES = [Sample(text=[1, 2], image=[0, 1, 2, 3]), Sample(text=[7, 9], audio=[1, 2, 3, 4]), Sample(text=[5, 6, 7])]
DRAWN = [Task.T2I, Task.S2T, Task.TEXT]


def test_the_null_condition_is_what_training_shows_without_one() -> None:
    batch = pack([SAMPLES], 32)
    task_S, dropped_S = torch.tensor([TASKS.index(task) for task in DRAWN]), torch.tensor([True, True, False])
    all_S = torch.full((3,), 1 - 2.0**-53, dtype=torch.float64)
    trained = assemble(batch, SLICES, noised(batch, MaskedObjective(), 0, task_S, dropped_S, all_S)).inputs
    open_ = canvas(SAMPLES, DRAWN)
    plain, _ = inputs_of(open_, SLICES, open_.shown, open_.open_T)
    both = with_null(plain, open_.given_T)
    length = len(open_.tokens_T)
    assert torch.equal(both.tokens_BL[:1], plain.tokens_BL)
    assert torch.equal(both.tokens_BL[1:], trained.tokens_BL[:, :length])
    start = 0
    for index, count in both.groups:
        place_N = both.place_N[start : start + count]
        assert (both.slice_BL.flatten()[place_N] == index).all()
        assert torch.equal(place_N[: count // 2] + length, place_N[count // 2 :])
        start += count
    assert start == len(both.place_N) == 2 * len(plain.place_N)


@pytest.mark.parametrize("rule", ["ancestral", "confidence", "entropy-bounded"])
def test_off_is_the_identity(rule: str) -> None:
    def said(**keys: object) -> tuple[list[int], int]:
        config = SamplingConfig.model_validate({"rule": rule, "steps": 4, **keys})
        out = sample(Moody(SLICES), canvas(SAMPLES, DRAWN), SLICES, config, 0)
        return out.tokens_T.tolist(), out.calls

    tokens, calls = said()
    assert said(guidance=0) == (tokens, calls)
    assert said(guidance=5, guidance_window=(1 - 1e-9, 1)) == (tokens, calls)
    other, more = said(guidance=5)
    assert other != tokens
    assert more > calls
    assert other[-5:] == tokens[-5:]  # a text without a condition
    logits = torch.randn(6, 5)
    assert torch.equal(guided(logits, torch.zeros(3)), logits[:3])


def test_a_text_alone_is_never_asked_twice() -> None:
    config = SamplingConfig(steps=3, guidance=2)
    assert sample(Moody(SLICES), canvas(SAMPLES[2:], DRAWN[2:]), SLICES, config, 0).calls == 3


def test_logits_are_moved_away_from_the_null_condition_before_anything_else() -> None:
    open_ = canvas(SAMPLES, DRAWN)
    ask = Moody(SLICES)
    seen: list[torch.Tensor] = []

    def watched(inputs: Inputs) -> list[torch.Tensor]:
        seen.extend(ask(inputs))
        return ask(inputs)

    weight_S = torch.tensor([3.0, 0.5, 0.0], dtype=torch.float64)
    answer = query(watched, open_, SLICES, open_.shown, open_.open_T, weight_S)
    sizes = [count for _, count in answer.groups]
    for place_N, got, both in zip(answer.place_N.split(sizes), answer.logits, seen, strict=True):
        cond, null = (part[:, part.shape[1] - got.shape[1] :] for part in both.chunk(2))
        g = weight_S[open_.index_T[place_N]][:, None].float()
        torch.testing.assert_close(got, (1 + g) * cond - g * null)


def test_window_and_ramp() -> None:
    said_S = torch.tensor([0.0, 0.25, 0.5, 0.75], dtype=torch.float64)
    assert weights(SamplingConfig(guidance=2), said_S).tolist() == [2, 2, 2, 2]
    assert weights(SamplingConfig(guidance=2, guidance_window=(0.2, 0.6)), said_S).tolist() == [0, 2, 2, 0]
    assert weights(SamplingConfig(guidance=2, guidance_ramp=True), said_S).tolist() == [0, 0.5, 1, 1.5]
    with pytest.raises(ValueError, match="must be increasing"):
        SamplingConfig(guidance_window=(0.6, 0.2))
