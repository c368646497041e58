"""Attention within segments: no token attends to another segment of its row, nor to padding.

Three backends give the same result. `dense` is the reference: one mask over all pairs of tokens of a row. `flex` is for
GPUs: FlexAttention (https://arxiv.org/abs/2412.05496) skips blocks of pairs that no segment spans. `split` is for CPUs:
each segment by itself, without a mask; on rows of 4,096 tokens with segments of 400 it takes a tenth of the time of
`dense`. The mask of a batch is built once and shared by all layers.

Shapes are named by suffix: B rows, L tokens per row, H heads, E size of a head, K blocks of a row.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch
from torch.nn.attention.flex_attention import BlockMask, flex_attention
from torch.nn.functional import scaled_dot_product_attention as sdpa

from .kv_cache import KVCache

BLOCK = 128  # tokens; the block size of FlexAttention's kernels

AttentionBackend = Literal["dense", "flex", "split"]


@dataclass(frozen=True)
class DenseMask:
    """Which keys a query attends to, for every pair of tokens of a row."""

    mask_B1LL: torch.Tensor  # bool; True where query (third axis) attends to key (last axis)


@dataclass(frozen=True)
class SplitMask:
    """The consecutive runs of tokens that a batch consists of: length, and whether the run is a segment or padding."""

    runs: tuple[tuple[int, bool], ...]
    causal: bool


Mask = DenseMask | SplitMask | BlockMask | KVCache


def segment_mask(segment_BL: torch.Tensor, causal: bool, backend: AttentionBackend | None = None) -> Mask:
    """Build the attention mask of a batch.

    Padding (segment 0) attends to itself so that no softmax is empty; its outputs are never used.

    Args:
        segment_BL: Segment of each token, 0 for padding. Segments are contiguous and numbered upwards along a row.
        causal: Whether a token attends only to itself and earlier tokens of its segment.
        backend: Backend to build the mask for; by default `flex` on a GPU and `split` elsewhere.
    """
    backend = backend or ("flex" if segment_BL.is_cuda else "split")
    if backend == "flex":
        return _block_mask(segment_BL, causal)
    if backend == "split":
        return _runs(segment_BL, causal)
    mask_BLL = segment_BL[:, :, None] == segment_BL[:, None, :]
    return DenseMask((mask_BLL.tril() if causal else mask_BLL)[:, None])


def attend(q_BLHE: torch.Tensor, k_BLHE: torch.Tensor, v_BLHE: torch.Tensor, mask: Mask) -> torch.Tensor:
    """Softmax attention with scale E^-1/2.

    Args:
        q_BLHE: Queries.
        k_BLHE: Keys.
        v_BLHE: Values.
        mask: A mask from `segment_mask`, or a `KVCache`, which keeps keys and values of earlier passes.

    Returns:
        Outputs, (B, L, H, E).
    """
    if isinstance(mask, KVCache):
        return mask.attend(q_BLHE, k_BLHE, v_BLHE)
    if isinstance(mask, SplitMask):
        done_BLHE: torch.Tensor = _attend_runs(q_BLHE, k_BLHE, v_BLHE, mask)
        return done_BLHE
    q, k, v = (x.transpose(1, 2) for x in (q_BLHE, k_BLHE, v_BLHE))
    if isinstance(mask, DenseMask):
        return torch.transpose(sdpa(q, k, v, attn_mask=mask.mask_B1LL), 1, 2)
    return torch.transpose(_flex(q)(q, k, v, block_mask=mask), 1, 2)


def _flex(q: torch.Tensor) -> Any:
    """FlexAttention, compiled on a GPU unless the layer is being compiled anyway."""
    return _compiled_flex() if q.is_cuda and not torch.compiler.is_compiling() else flex_attention


@cache
def _compiled_flex() -> Any:
    return torch.compile(flex_attention, dynamic=False)


def _block_mask(segment_BL: torch.Tensor, causal: bool) -> BlockMask:
    """FlexAttention's mask from the lowest and highest segment of each block, without comparing pairs of tokens.

    Segments are contiguous, so two blocks share a segment exactly when their ranges overlap. That takes (L/128)^2
    comparisons per row, where `create_block_mask` takes L^2. The segments are a tensor that the kernel reads, so a new
    batch does not cause a recompilation.
    """
    rows, length = segment_BL.shape
    segment_BL = torch.where(
        segment_BL == 0, length + 1, segment_BL
    )  # padding comes last, so numbers rise along the row
    blocks = -(-length // BLOCK)
    padded = torch.nn.functional.pad(segment_BL[:, None], (0, blocks * BLOCK - length), mode="replicate")[:, 0]
    padded_BKT = padded.view(rows, blocks, BLOCK)
    least_BK, greatest_BK = padded_BKT.amin(-1), padded_BKT.amax(-1)
    some_BKK = (least_BK[:, :, None] <= greatest_BK[:, None]) & (least_BK[:, None] <= greatest_BK[:, :, None])
    single_BK = least_BK == greatest_BK
    if length % BLOCK:
        single_BK[:, -1] = False  # the last block is not full
    full_BKK = some_BKK & single_BK[:, :, None] & single_BK[:, None]
    if causal:
        some_BKK, full_BKK = some_BKK.tril(), full_BKK.tril(-1)

    def same_segment(b: torch.Tensor, h: torch.Tensor, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        same = segment_BL[b, q] == segment_BL[b, k]
        return same & (k <= q) if causal else same

    return BlockMask.from_kv_blocks(
        *_ordered(some_BKK & ~full_BKK),
        *_ordered(full_BKK),
        BLOCK_SIZE=BLOCK,
        mask_mod=same_segment,
        seq_lengths=(length, length),
    )


def _ordered(chosen_BKK: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Number of key blocks of each query block, and the indices of all blocks with the chosen ones first."""
    order = torch.argsort(chosen_BKK.int(), dim=-1, descending=True, stable=True)
    return chosen_BKK.sum(-1, dtype=torch.int32)[:, None], order.int()[:, None].contiguous()


def _runs(segment_BL: torch.Tensor, causal: bool) -> SplitMask:
    number = segment_BL + torch.arange(len(segment_BL), device=segment_BL.device)[:, None] * (segment_BL.shape[1] + 1)
    _, lengths = torch.unique_consecutive(number.flatten(), return_counts=True)
    kept = segment_BL.flatten()[lengths.cumsum(0) - 1] > 0
    return SplitMask(tuple(zip(lengths.tolist(), kept.tolist(), strict=True)), causal)


# not compiled: the number of runs differs from batch to batch
@torch.compiler.disable  # type: ignore[untyped-decorator]
def _attend_runs(q_BLHE: torch.Tensor, k_BLHE: torch.Tensor, v_BLHE: torch.Tensor, mask: SplitMask) -> torch.Tensor:
    lengths = [length for length, _ in mask.runs]
    parts = zip(*(torch.split(x.flatten(0, 1), lengths) for x in (q_BLHE, k_BLHE, v_BLHE)), strict=True)
    done = [
        # padding stays in the graph: every process must have a gradient for every parameter, also of rows of padding
        _attend_run(q, k, v, mask.causal) if kept else (q + k + v) * 0
        for (q, k, v), (_, kept) in zip(parts, mask.runs, strict=True)
    ]
    return torch.cat(done).view_as(q_BLHE)


def _attend_run(q_THE: torch.Tensor, k_THE: torch.Tensor, v_THE: torch.Tensor, causal: bool) -> torch.Tensor:
    q, k, v = (x.transpose(0, 1)[None] for x in (q_THE, k_THE, v_THE))
    y_HTE: torch.Tensor = sdpa(q, k, v, is_causal=causal)[0]
    return y_HTE.transpose(0, 1)
