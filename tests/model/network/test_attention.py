"""P10: attention stays within segments, and its three ways agree."""

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._dynamo.testing import CompileCounter
from torch.nn.attention.flex_attention import BlockMask, create_block_mask

from triptych.model.network.attention import Dense, Way, attend, within_segments
from triptych.model.network.presets import shape_of
from triptych.model.network.rope import rotation
from triptych.model.network.transformer import Block
from triptych.schemas.config.model import ModelConfig

SHAPE = (2, 300, 2, 64)  # B, L, H, E; L is no multiple of a block


def segments(seed: int, length: int = 300) -> torch.Tensor:
    """Two rows of segments of 1 to 150 tokens, then padding."""
    draw = np.random.default_rng(seed)
    rows = torch.zeros(2, length, dtype=torch.int32)
    for row in rows:
        at, number = 0, 1
        while (end := at + int(draw.integers(1, 151))) < length:
            row[at:end] = number
            at, number = end, number + 1
    return rows


def qkv(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    q, k, v = (torch.randn(SHAPE, generator=generator) for _ in range(3))
    return q, k, v


@pytest.mark.filterwarnings("ignore:(?s).*flex_attention")
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_ways_agree(seed: int, causal: bool) -> None:
    segment = segments(seed)
    real = segment > 0
    dense = attend(*qkv(seed), within_segments(segment, causal, "dense"))[real]
    for way in get_args(Way):
        other = attend(*qkv(seed), within_segments(segment, causal, way))[real]
        torch.testing.assert_close(other, dense, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_so_do_their_gradients(causal: bool) -> None:
    segment = segments(0)
    gradients = []
    ways: tuple[Way, ...] = ("dense", "split")  # FlexAttention has none on a CPU
    for way in ways:
        q, k, v = (x.requires_grad_() for x in qkv(0))
        attend(q, k, v, within_segments(segment, causal, way))[segment > 0].square().sum().backward()
        gradients.append([leaf.grad for leaf in (q, k, v)])
    for dense, split in zip(*gradients, strict=True):
        torch.testing.assert_close(split, dense, atol=2e-5, rtol=1e-4)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([128, 300, 512]))
def test_blocks_are_those_of_the_library(seed: int, causal: bool, length: int) -> None:
    segment = segments(seed, length)
    mine = within_segments(segment, causal, "flex")
    assert isinstance(mine, BlockMask)
    theirs = create_block_mask(mine.mask_mod, 2, None, length, length, device="cpu")
    assert torch.equal(mine.to_dense(), theirs.to_dense())
    assert mine.full_kv_num_blocks is not None
    assert theirs.full_kv_num_blocks is not None
    assert torch.equal(mine.full_kv_num_blocks, theirs.full_kv_num_blocks)
    assert mine.full_kv_indices is not None
    assert theirs.full_kv_indices is not None
    indices = mine.full_kv_indices, theirs.full_kv_indices
    for row, block in np.ndindex(2, mine.kv_indices.shape[-1]):
        count = int(mine.full_kv_num_blocks[row, 0, block])
        ours, others = (it[row, 0, block, :count].sort().values for it in indices)
        assert torch.equal(ours, others)


def test_dense_is_what_it_says() -> None:
    mask = within_segments(torch.tensor([[1, 1, 2, 0]]), True, "dense")
    assert isinstance(mask, Dense)
    assert mask.mask_B1LL[0, 0].int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.filterwarnings("ignore:(?s).*flex_attention")
@pytest.mark.parametrize("way", get_args(Way))
@torch.no_grad()
def test_no_batch_compiles_anew(way: Way) -> None:
    torch.compiler.reset()
    shape = shape_of(ModelConfig(depth=1, width=64))
    block, counter = Block(shape), CompileCounter()
    block.compile(backend=counter)
    x, turn = torch.randn(2, 256, 64), rotation(torch.arange(256).expand(2, -1), 64)
    frames = set()
    for seed in range(5):
        block(x, turn, within_segments(segments(seed, 256), False, way))
        frames.add(counter.frame_count)
    assert len(frames) == 1
    torch.compiler.reset()
