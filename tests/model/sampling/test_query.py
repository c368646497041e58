"""A query shows only the segments it asks about, never offers EOS, and mixes guided logits of two passes."""

from dataclasses import fields

import torch

from triptych.model.network.slices import Slices
from triptych.model.sampling.query import Prediction, query, select_segments, with_eos
from triptych.schemas.config.model import Task
from triptych.schemas.vocabulary import Modality, Special

from ..canvases import Fixed, Moody, canvas
from ..conftest import VOCABULARY, Sample

SLICES = Slices.of(VOCABULARY)
SAMPLES = [Sample(text=[3, 4, 5]), Sample(text=[1, 2], image=[0, 1, 2]), Sample(text=[7], audio=[1, 2, 3, 4])]
TASKS = [Task.TEXT, Task.T2I, Task.S2T]


def test_a_segment_that_is_not_asked_about_is_not_shown() -> None:
    made = canvas(SAMPLES, TASKS)
    ramp = [torch.arange(width).float() for width in SLICES.widths]
    model = Fixed(ramp)
    asked = made.target_T & (made.index_T != 1)
    found = query(model, made, SLICES, made.masked_tokens, asked)
    (shown,) = model.inputs
    assert shown.tokens_BL[0].tolist() == made.masked_tokens[made.index_T != 1].tolist()
    assert shown.segment_BL[0].tolist() == [1] * 5 + [2] * 9
    assert found.query_N.tolist() == asked.nonzero()[:, 0].tolist()
    assert found.groups == ((1, 6),)
    # EOS, class 0 of the text slice, is cut off: the first logit left is that of class 1
    assert torch.equal(found.logits[0], ramp[1][1:].expand(6, -1))


def test_guided_logits_are_those_of_two_queries_mixed() -> None:
    samples = [SAMPLES[1], Sample(text=[8, 9, 1], image=[5, 6])]
    made = canvas(samples, [Task.T2I, Task.T2I])
    model, shown_T = Moody(SLICES), made.masked_tokens
    blind_T = torch.where(made.given_T, int(Special.MASK), shown_T)
    (cond,), (uncond,) = (query(model, made, SLICES, x_T, made.target_T).logits for x_T in (shown_T, blind_T))
    weights = torch.tensor([0.0, 1.5], dtype=torch.float64)
    found = query(model, made, SLICES, shown_T, made.target_T, weights)
    assert found.groups == ((2, 5),)
    each = weights[made.index_T[found.query_N]].float()[:, None]
    assert torch.allclose(found.logits[0], (1 + each) * cond - each * uncond, atol=1e-5)
    assert torch.equal(found.logits[0][:3], cond[:3])
    assert not torch.allclose(found.logits[0][3:], cond[3:])


def test_kept_segments_are_numbered_anew() -> None:
    made = canvas(SAMPLES, TASKS, keys=[10, 20, 30])
    active_S = torch.tensor([False, True, True])
    token_N = active_S[made.index_T].nonzero()[:, 0]
    kept, alone = select_segments(made, active_S, token_N), canvas(SAMPLES[1:], TASKS[1:], keys=[20, 30])
    for field in fields(kept):
        assert torch.equal(getattr(kept, field.name), getattr(alone, field.name)), field.name


def test_eos_is_given_at_the_end_of_each_target_text_alone() -> None:
    made = canvas(SAMPLES, TASKS)
    blank = canvas([Sample(text=[0, 0, 0]), *SAMPLES[1:]], TASKS)
    fixed = with_eos(blank)
    changed = blank.target_T & ~fixed.target_T
    ends = (made.tokens_T == Special.EOS) & made.target_T
    assert torch.equal(changed, ends)
    assert ends.sum() == 2  # of the text and of the text from speech; the other text is given
    assert (fixed.tokens_T[ends] == Special.EOS).all()
    assert torch.equal(fixed.target_T[fixed.modality_T == Modality.IMAGE], made.target_T[made.modality_T == 2])


def test_a_prediction_keeps_its_groups_when_some_are_selected() -> None:
    logits = [torch.arange(6.0).view(3, 2), torch.arange(6.0, 10.0).view(2, 2)]
    made = Prediction(torch.tensor([4, 6, 8, 1, 2]), ((1, 3), (2, 2)), logits)
    some = made.select(torch.tensor([True, False, True, False, True]))
    assert some.query_N.tolist() == [4, 8, 2]
    assert some.groups == ((1, 2), (2, 1))
    assert [one.tolist() for one in some.logits] == [[[0, 1], [4, 5]], [[8, 9]]]
    # without EOS, the first text id is class 0; images start behind 40 text ids
    assert some.tokens(SLICES, [torch.tensor([0, 39]), torch.tensor([5])]).tolist() == [256, 295, 296 + 5]
