"""Rows with tasks and masks written in, and their queries by slice, worked out by hand for a small batch."""

import pytest
import torch

from triptych.model.diffusion.noised_batch import Corruption, assemble, segment_index
from triptych.model.diffusion.tasks import TASKS
from triptych.model.network.slices import Slices
from triptych.schemas.config.model import Task
from triptych.schemas.vocabulary import Modality, Special

from ..conftest import VOCABULARY, Sample, pack

# row 0: TASK a b EOS | TASK c EOS BOI i EOI, row 1: TASK d EOS
ROWS = [[Sample(text=[3, 4], text_bytes=9), Sample(text=[5], image=[6], pixels=49)], [Sample(text=[7], text_bytes=2)]]
LENGTH = 12
TEXT, IMAGE = (VOCABULARY.slice_of(modality).start for modality in (Modality.TEXT, Modality.IMAGE))


def corruption(query: list[int], *, causal: bool = False) -> Corruption:
    """The texts are predicted, and the image from its text; the places of `query` are, each in one copy."""
    flags = torch.zeros(2 * LENGTH, dtype=torch.bool)
    query_T, target_T = flags.clone(), flags.clone()
    query_T[query], target_T[[1, 2, 3, 8, 13, 14]] = True, True
    hidden_T = flags if causal else query_T
    weight_CS = torch.tensor([[0.5, 4.0, 2.0]], dtype=torch.float64)
    task_S = torch.tensor([TASKS.index(task) for task in (Task.TEXT, Task.T2I, Task.TEXT)])
    dropped_S = torch.zeros(3, dtype=torch.bool)
    return Corruption(task_S, dropped_S, target_T, hidden_T[None], query_T[None], weight_CS, causal)


def test_each_token_knows_its_segment() -> None:
    batch = pack([*ROWS, [], [Sample(text=[1])]], LENGTH)
    wanted = [0] * 4 + [1] * 6 + [4] * 2, [2] * 3 + [4] * 9, [4] * 12, [3] * 3 + [4] * 9
    assert segment_index(batch).view(4, LENGTH).tolist() == list(wanted)


def test_queries_are_grouped_by_slice_and_their_inputs_masked() -> None:
    made = assemble(pack(ROWS, LENGTH), Slices.of(VOCABULARY), corruption([2, 3, 8, 13]))
    inputs = made.inputs
    assert inputs.query_N.tolist() == [2, 3, 13, 8]
    assert inputs.groups == ((1, 3), (2, 1))
    assert inputs.class_N.tolist() == [4 + 1, 0, 7 + 1, 6]  # of the text slice, EOS is class 0
    shown = [Special.TEXT, TEXT + 3, Special.MASK, Special.MASK, Special.T2I, TEXT + 5, Special.EOS, Special.BOI]
    assert inputs.tokens_BL[0].tolist() == [*shown, Special.MASK, Special.EOI, Special.PAD, Special.PAD]
    assert inputs.tokens_BL[1, :3].tolist() == [Special.TEXT, Special.MASK, Special.EOS]
    assert made.weight_N.tolist() == [0.5, 0.5, 2, 4]
    assert made.share_N.tolist() == [pytest.approx(2 / 3)] * 2 + [0.5, 1]
    assert made.segment_N.tolist() == [0, 0, 2, 1]
    assert made.modality_N.tolist() == [Modality.TEXT] * 3 + [Modality.IMAGE]


def test_targets_and_sizes_count_what_a_task_predicts_masked_or_not() -> None:
    made = assemble(pack(ROWS, LENGTH), Slices.of(VOCABULARY), corruption([2]))
    assert made.targets_SM.tolist() == [[0, 3, 0, 0], [0, 0, 1, 0], [0, 2, 0, 0]]
    assert made.sizes_SM.tolist() == [[0, 9, 0, 0], [0, 0, 49, 0], [0, 2, 0, 0]]
    assert int(made.targets) == 6


def test_causal_queries_are_made_one_place_earlier() -> None:
    made = assemble(pack(ROWS, LENGTH), Slices.of(VOCABULARY), corruption([1, 2, 8], causal=True))
    assert made.inputs.causal
    assert made.inputs.query_N.tolist() == [0, 1, 7]
    assert made.inputs.class_N.tolist() == [3 + 1, 4 + 1, 6]
    assert made.inputs.slice_BL[0].tolist() == [1, 1, 1, 0, 1, 1, 0, 2, 0, 0, 0, 0]
    assert Special.MASK not in made.inputs.tokens_BL


def test_copies_follow_one_another() -> None:
    one, other = corruption([2]), corruption([1, 3, 13])
    both = Corruption(
        one.task_S,
        one.dropped_S,
        one.target_T,
        torch.cat((one.hidden_CT, other.hidden_CT)),
        torch.cat((one.query_CT, other.query_CT)),
        torch.cat((one.weight_CS, 10 * one.weight_CS)),
        False,
    )
    made = assemble(pack(ROWS, LENGTH), Slices.of(VOCABULARY), both)
    assert made.inputs.query_N.tolist() == [2, 24 + 1, 24 + 3, 24 + 13]
    assert made.weight_N.tolist() == [0.5, 5, 5, 20]
    assert (made.inputs.tokens_BL == Special.MASK).sum(1).tolist() == [1, 0, 2, 1]
