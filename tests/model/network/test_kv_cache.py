"""Attention with a cache: exact after a pass over the row, and with the old keys of the tokens left out after that."""

import math

import torch

from triptych.model.network.kv_cache import KVCache

SEGMENT = torch.tensor([4, 4, 4, 9, 9, 2])
HEADS, SIZE = 2, 8


def drawn(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries, keys and values of the whole row."""
    q, k, v = torch.randn(3, 1, len(SEGMENT), HEADS, SIZE, generator=torch.Generator().manual_seed(seed))
    return q, k, v


def dense(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Attention over the whole row, with the scores of other segments at minus infinity."""
    scores = torch.einsum("bqhe,bkhe->bhqk", q, k) / math.sqrt(SIZE)
    shares = scores.masked_fill(SEGMENT[:, None] != SEGMENT, -torch.inf).softmax(-1)
    return torch.einsum("bhqk,bkhe->bqhe", shares, v)


def test_a_pass_over_the_row_is_exact_in_every_layer() -> None:
    cache = KVCache(SEGMENT, layers=3)
    for turn in range(2):
        for layer in range(3):
            q, k, v = drawn(10 * turn + layer)
            assert torch.allclose(cache.attend(q, k, v), dense(q, k, v), atol=1e-6)


def test_tokens_left_out_keep_their_old_keys_and_values() -> None:
    cache = KVCache(SEGMENT, layers=2)
    before = [drawn(layer) for layer in range(2)]
    for q, k, v in before:
        cache.attend(q, k, v)
    selected = torch.tensor([False, True, False, True, True, False])  # nothing of the last segment
    cache.select_tokens(selected)
    after = [drawn(100 + layer) for layer in range(2)]
    for (_, old_k, old_v), (q, k, v) in zip(before, after, strict=True):
        mixed_k, mixed_v = (torch.where(selected[:, None, None], new, old) for new, old in ((k, old_k), (v, old_v)))
        found = cache.attend(q[:, selected], k[:, selected], v[:, selected])
        assert torch.allclose(found, dense(q, mixed_k, mixed_v)[:, selected], atol=1e-6)
        assert not torch.allclose(found, dense(q, k, v)[:, selected], atol=1e-2)


def test_all_tokens_again_is_exact_again() -> None:
    cache = KVCache(SEGMENT, layers=1)
    cache.attend(*drawn(0))
    cache.select_tokens(SEGMENT == 4)
    cache.attend(*(x[:, :3] for x in drawn(1)))
    cache.select_tokens(torch.ones(len(SEGMENT), dtype=torch.bool))
    q, k, v = drawn(2)
    assert torch.allclose(cache.attend(q, k, v), dense(q, k, v), atol=1e-6)
