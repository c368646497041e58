"""The control says a token of each segment a call, from what stands before it, and may end a text."""

import pytest
import torch

from triptych.model.network.inputs import Inputs
from triptych.model.network.slices import Slices
from triptych.model.sampling.causal_sampler import sample_causal
from triptych.schemas.config.model import Task
from triptych.schemas.config.sampling import SamplingConfig
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Special

from ..canvases import Fixed, Moody, canvas
from ..conftest import VOCABULARY, Sample

SLICES = Slices.of(VOCABULARY)
SAMPLES = [Sample(text=[0] * 6), Sample(text=[3], image=[0] * 4), Sample(text=[0] * 2)]
DRAWN = [Task.TEXT, Task.T2I, Task.TEXT]


def test_each_call_says_the_first_open_place_of_every_segment() -> None:
    seen: list[Inputs] = []

    def predict(inputs: Inputs) -> list[torch.Tensor]:
        seen.append(inputs)
        return Moody(SLICES, eos=-50)(inputs)

    out = sample_causal(predict, canvas(SAMPLES, DRAWN), SLICES, SamplingConfig(), 0)
    assert out.calls == 6
    assert [sum(count for _, count in one.groups) for one in seen] == [3, 3, 2, 2, 1, 1]
    assert all(one.causal for one in seen)
    for one in seen:  # nothing beyond the place asked for, and nothing unsaid before it
        masked = (one.tokens_BL[0] == Special.MASK).nonzero()[:, 0]
        assert torch.equal(masked, one.query_N.sort().values + 1)
        assert (one.segment_BL[0, masked] != torch.nn.functional.pad(one.segment_BL[0], (0, 1))[masked + 1]).all()


def test_three_together_are_three_alone() -> None:
    config = SamplingConfig(temperature=0.8, top_p=0.9)
    together = canvas(SAMPLES, DRAWN)
    sampled_T = sample_causal(Moody(SLICES, eos=1), together, SLICES, config, 5).tokens_T
    for number in range(3):
        alone = canvas([SAMPLES[number]], [DRAWN[number]], [number])
        assert torch.equal(
            sampled_T[together.index_T == number],
            sample_causal(Moody(SLICES, eos=1), alone, SLICES, config, 5).tokens_T,
        )


def test_a_text_ends_where_the_model_says() -> None:
    ends = Fixed([torch.zeros(0), torch.tensor([50.0] + [0.0] * VOCABULARY.text)])
    out = sample_causal(ends, canvas(SAMPLES[:1], DRAWN[:1]), SLICES, SamplingConfig(), 0)
    assert out.calls == 1
    assert out.tokens_T.tolist() == [Special.TEXT] + [Special.EOS] * 7


def test_guidance_is_refused() -> None:
    with pytest.raises(Refusal, match="no unconditional prediction"):
        sample_causal(Moody(SLICES), canvas(SAMPLES, DRAWN), SLICES, SamplingConfig(guidance=1), 0)
