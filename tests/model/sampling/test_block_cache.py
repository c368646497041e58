"""The first pass of a block is exact; those after it see the rest of the row as it was."""

import pytest
import torch

from triptych.model.network.init import initialise
from triptych.model.network.inputs import Inputs
from triptych.model.network.kv_cache import KVCache
from triptych.model.network.presets import shape_of
from triptych.model.network.slices import Slices
from triptych.model.network.transformer import Transformer
from triptych.model.sampling.block_cache import BlockCache
from triptych.model.sampling.canvas import inputs_of
from triptych.model.sampling.guidance import with_unconditional
from triptych.model.sampling.sampler import sample
from triptych.schemas.config.model import ModelConfig, Task
from triptych.schemas.config.sampling import SamplingConfig
from triptych.schemas.vocabulary import Special

from ..canvases import canvas
from ..conftest import VOCABULARY, Sample

SLICES = Slices.of(VOCABULARY)
SAMPLES = [Sample(text=[1, 2, 3], image=[0] * 16), Sample(text=[0] * 20), Sample(text=[4], audio=[0] * 8)]
OPEN = canvas(SAMPLES, [Task.T2I, Task.TEXT, Task.T2S])


@pytest.fixture(scope="module")
def model() -> Transformer:
    made = Transformer(shape_of(ModelConfig(depth=3, width=128)), VOCABULARY)
    initialise(made, 0)
    generator = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
    return made.eval()


def exact(model: Transformer, inputs: Inputs) -> torch.Tensor:
    parts = model.hidden_states(inputs).split([count for _, count in inputs.groups])
    return flat([model.head.logits(h, index) for (index, _), h in zip(inputs.groups, parts, strict=True)])


def flat(logits: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([one.log_softmax(-1).flatten() for one in logits])


@torch.no_grad()
def test_the_first_pass_is_exact_also_guided_and_later_ones_nearly(model: Transformer) -> None:
    block_T = OPEN.target_T & (OPEN.position_T > 4) & (OPEN.position_T < 12)
    for null in (False, True):
        predict, input_T = BlockCache(model), OPEN.masked_tokens
        errors, drifts, before = [], [], torch.empty(0)
        for said in (0, 1, 2):
            query_T = block_T & (OPEN.position_T > 5 + said)
            input_T = torch.where(block_T & ~query_T, OPEN.tokens_T + 1, input_T)
            inputs, _ = inputs_of(OPEN, SLICES, input_T, block_T)
            inputs = with_unconditional(inputs, OPEN.given_T) if null else inputs
            got, want = flat(predict(inputs)), exact(model, inputs)
            errors.append(float((got - want).abs().mean()))
            drifts.append(float((want - before).abs().mean()) if said else 0.0)
            before = want if said == 0 else before
        assert errors[0] < 1e-5
        assert 1e-5 < errors[1] < 0.5 * drifts[1]  # of what changed since the block began, most is seen
        assert 1e-5 < errors[2] < 0.5 * drifts[2]


@torch.no_grad()
def test_a_memory_of_which_nothing_is_old_changes_nothing(model: Transformer) -> None:
    kv_cache = KVCache(OPEN.index_T, len(model.blocks))
    for input_T in (OPEN.masked_tokens, OPEN.tokens_T):
        inputs, _ = inputs_of(OPEN, SLICES, input_T, OPEN.target_T)
        torch.testing.assert_close(model.hidden_states(inputs, kv_cache), model.hidden_states(inputs))


def test_fewer_tokens_go_through_the_layers(model: Transformer) -> None:
    seen: list[int] = []
    model.blocks[0].register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[1]))
    config = SamplingConfig(rule="confidence", block=5, steps=20, cache=True)
    one = canvas(SAMPLES[1:2], [Task.TEXT])
    out = sample(BlockCache(model), one, SLICES, config, 0)
    assert out.calls == len(seen) == 20
    assert seen == [22, 5, 5, 5, 5] * 4
    assert (out.tokens_T != Special.MASK).all()


def test_it_is_for_rules_that_ask_at_whole_blocks() -> None:
    for keys in ({"rule": "confidence"}, {"rule": "first-hitting", "block": 4}):
        with pytest.raises(ValueError, match="`cache` needs `block`"):
            SamplingConfig.model_validate({"cache": True, **keys})
