"""Bidirectional pre-norm transformer: RoPE within segments, QK-norm, SwiGLU, no biases in layers, no time input.

The number of masked tokens carries the information that a time input would (Ou et al. 2024,
https://arxiv.org/abs/2406.03736), so segments of a row may have different noise levels. An embedding of the position's
slice is added to the token embedding: the slice is known wherever the model is used, and it tells a masked position
which modality and codebook to predict. In the parallel layout of audio, all codes of a frame are at one position
(frames.py). The autoregressive control is the same module with a causal mask, where a
position reads the slice of the next token.

Shapes are named by suffix: B rows, L tokens per row, N queried positions, D width, H heads, E size of a head.
"""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from ...schemas.vocabulary import Vocabulary
from .attention import AttentionBackend, Mask, attend, segment_mask
from .frames import merge_frames
from .head import Head
from .inputs import Inputs
from .kv_cache import KVCache
from .presets import Shape
from .rope import rotate, rotation
from .slices import Slices, audio_slices

EPS = 1e-6
CosSin = tuple[torch.Tensor, torch.Tensor]


class Transformer(nn.Module):
    """The model. Parameters are created without values: see init.py.

    Training calls `forward`, which DDP and FSDP wrap; sampling calls `hidden_states` and `head.logits`.
    """

    def __init__(self, shape: Shape, vocabulary: Vocabulary, *, attention: AttentionBackend | None = None) -> None:
        """Create the module.

        Args:
            shape: Sizes of the model.
            vocabulary: Id space of its tokens.
            attention: Attention backend; by default the fastest of the device.
        """
        super().__init__()
        self.shape = shape
        self.slices = Slices.of(vocabulary)
        self._backend = attention
        # slices whose codes share a position
        self._shared = audio_slices(vocabulary) if shape.audio_layout == "parallel" else range(0)
        self.recompute = False  # recompute the layers' activations in the backward pass
        self.tokens = nn.Embedding(vocabulary.size, shape.width, _weight=torch.empty(vocabulary.size, shape.width))
        kinds = len(vocabulary.slices)
        self.kinds = nn.Embedding(kinds, shape.width, _weight=torch.empty(kinds, shape.width))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.norm = nn.RMSNorm(shape.width, eps=EPS)
        self.head = Head(shape.width, self.slices.widths, shape.head_bias)

    def forward(self, inputs: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-entropy of the right class at each queried position.

        Returns:
            Cross-entropy in nats, and log of the softmax's denominator, both float32 (N,).
        """
        nats_N, log_z_N = self.head(self.hidden_states(inputs), inputs.class_N, inputs.groups)
        return nats_N, log_z_N

    def arrange(self, inputs: Inputs) -> Inputs:
        """Lay out inputs as the network takes them; `forward` and `hidden_states` do it if it has not been done.

        Done on the CPU, the length of the result is known without waiting for a GPU.
        """
        if not self._shared or inputs.frames is not None:
            return inputs
        return merge_frames(inputs, self._shared.start, len(self._shared))

    def hidden_states(self, inputs: Inputs, kv_cache: KVCache | None = None) -> torch.Tensor:
        """Final hidden states at the queried positions, (N, D), as `head.logits` takes them.

        Args:
            inputs: Packed rows and queries. With a cache: a single row of the tokens selected in the cache.
            kv_cache: Keys and values of earlier passes.
        """
        inputs = self.arrange(inputs)
        mask = kv_cache or segment_mask(inputs.segment_BL, inputs.causal, self._backend)
        cos_sin = rotation(inputs.position_BL, self.shape.head_size)
        h_BLD = self._embed(inputs)
        for block in self.blocks:
            recompute = self.recompute and torch.is_grad_enabled()
            h_BLD = (
                checkpoint(block, h_BLD, cos_sin, mask, use_reentrant=False)
                if recompute
                else block(h_BLD, cos_sin, mask)
            )
        h_ND: torch.Tensor = self.norm(h_BLD.flatten(0, 1)[inputs.query_N])
        return h_ND

    def _embed(self, inputs: Inputs) -> torch.Tensor:
        h_BLD: torch.Tensor = self.tokens(inputs.tokens_BL) + self.kinds(inputs.slice_BL)
        if inputs.frames is None:
            return h_BLD
        at_P, rest_PJ = inputs.frames
        rest_J = torch.arange(self._shared.start + 1, self._shared.stop, device=at_P.device)
        rest_PD = (self.tokens(rest_PJ) + self.kinds(rest_J)).sum(1)
        # no position occurs twice, so the sum does not depend on the order in which a GPU adds
        added_BLD: torch.Tensor = h_BLD.flatten(0, 1).index_add(0, at_P, rest_PD.type_as(h_BLD)).view_as(h_BLD)
        return added_BLD


class Block(nn.Module):
    """A layer: attention and MLP on the normed residual stream; the output of each is scaled by depth."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._scale = shape.branch_scale
        self.attention_norm = nn.RMSNorm(shape.width, eps=EPS)
        self.attention = Attention(shape)
        self.mlp_norm = nn.RMSNorm(shape.width, eps=EPS)
        self.mlp = Mlp(shape)

    def forward(self, h_BLD: torch.Tensor, cos_sin: CosSin, mask: Mask) -> torch.Tensor:
        """The residual stream after this layer."""
        h_BLD = h_BLD + self._scale * self.attention(self.attention_norm(h_BLD), cos_sin, mask)
        added_BLD: torch.Tensor = self.mlp(self.mlp_norm(h_BLD))
        return h_BLD + self._scale * added_BLD


class Attention(nn.Module):
    """Attention within segments, with queries and keys normed (QK-norm) before the rotation."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._heads = (3, shape.heads, shape.head_size)
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.q_norm = nn.RMSNorm(shape.head_size, eps=EPS)
        self.k_norm = nn.RMSNorm(shape.head_size, eps=EPS)
        self.out = nn.Linear(shape.width, shape.width, bias=False)

    def forward(self, x_BLD: torch.Tensor, cos_sin: CosSin, mask: Mask) -> torch.Tensor:
        """Output of the attention branch, unscaled."""
        q_BLHE, k_BLHE, v_BLHE = self.qkv(x_BLD).unflatten(-1, self._heads).unbind(2)
        # on a GPU, autocast of torch 2.12 and later computes norms in float32; FlexAttention takes one type only
        q_BLHE = rotate(self.q_norm(q_BLHE), cos_sin).type_as(v_BLHE)
        k_BLHE = rotate(self.k_norm(k_BLHE), cos_sin).type_as(v_BLHE)
        y_BLD: torch.Tensor = self.out(attend(q_BLHE, k_BLHE, v_BLHE, mask).flatten(2))
        return y_BLD


class Mlp(nn.Module):
    """SwiGLU (https://arxiv.org/abs/2002.05202); `up` holds the rows of the gate, then those of the value."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.up = nn.Linear(shape.width, 2 * shape.hidden, bias=False)
        self.down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x_BLD: torch.Tensor) -> torch.Tensor:
        """Output of the MLP branch, unscaled."""
        gate, value = self.up(x_BLD).chunk(2, dim=-1)
        y_BLD: torch.Tensor = self.down(nn.functional.silu(gate) * value)
        return y_BLD
