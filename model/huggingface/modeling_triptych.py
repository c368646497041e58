"""The transformer of Triptych as a model of the transformers library, with the same parameters by the same names.

An export holds a copy of this file, so it imports nothing of Triptych. It follows model/network/transformer.py, written
to be read rather than to be fast: attention takes a dense mask, and logits are computed at all positions.

Shapes are named by suffix: B rows, L tokens per row, P positions of the network per row (L, or fewer where a frame of
audio has one position), D width, H heads, E size of a head, V ids.
"""

from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.functional import cross_entropy, linear, scaled_dot_product_attention, silu
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import MaskedLMOutput

from .configuration_triptych import TriptychConfig
from .generation_triptych import FillMixin


class Positions(NamedTuple):
    """What each position of the network stands for."""

    h_BPD: torch.Tensor  # its embedding
    segment_BP: torch.Tensor  # 0: padding
    number_BP: torch.Tensor  # place in its segment, from 0
    place_BL: torch.Tensor  # position of each token


class TriptychModel(FillMixin, PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]
    """A tri-modal masked diffusion model, or its autoregressive control."""

    config_class = TriptychConfig
    config: TriptychConfig
    _no_split_modules = ["Block"]  # noqa: RUF012 -- as transformers has it

    def __init__(self, config: TriptychConfig) -> None:
        super().__init__(config)
        self.tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.kinds = nn.Embedding(len(config.slices), config.hidden_size)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.head = Head(config)
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(
        self,
        input_ids: torch.Tensor,
        segment_ids: torch.Tensor | None = None,
        slice_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        return_dict: bool | None = None,
        **unused: Any,
    ) -> MaskedLMOutput | tuple[torch.Tensor, ...]:
        """Predict tokens.

        Args:
            input_ids: Ids (B, L) as in Triptych's shards, a segment opening with the token of its task, and the id of
                `mask` where a token is hidden. Audio is frame by frame, whatever the layout of the model.
            segment_ids: Segment of each token (B, L), contiguous, 0 for padding; no token sees another segment. By
                default each row is one segment.
            slice_ids: Index into `config.slices` of the id at each token (B, L), 0 where it is never predicted. By
                default that of the id, and text where it is hidden.
            attention_mask: 0 for padding, where `segment_ids` is not given.
            labels: Right ids (B, L), -100 where none counts; the loss is the mean over the others.
            return_dict: False: return a tuple.
            **unused: What other callers pass to every model.

        Returns:
            `logits` (B, L, V), float32; those outside the slice of a position are -inf. They predict the id at the
            position itself, and in an autoregressive model that of the next one.
        """
        if segment_ids is None:
            segment_ids = torch.ones_like(input_ids) if attention_mask is None else attention_mask.long()
        if slice_ids is None:
            slice_ids = self.slices_of(input_ids)
        predicted_BL = self._next(slice_ids, self.config.slice_index("text")) if self.config.causal else slice_ids
        at = self._positions(input_ids, segment_ids, predicted_BL)
        mask_B1PP = (at.segment_BP[:, :, None] == at.segment_BP[:, None])[:, None]
        if self.config.causal:
            mask_B1PP = mask_B1PP.tril()
        cos_sin = rotation(at.number_BP, self.config.head_dim, self.config.rope_theta)
        h_BPD = at.h_BPD
        for block in self.blocks:
            h_BPD = block(h_BPD, cos_sin, mask_B1PP)
        h_BLD = self.norm(h_BPD).gather(1, at.place_BL[:, :, None].expand(-1, -1, h_BPD.shape[-1]))
        logits_BLV = self.head(h_BLD, predicted_BL)
        loss = None
        if labels is not None:
            right_BL = self._next(labels, -100) if self.config.causal else labels
            loss = cross_entropy(logits_BLV.flatten(0, 1), right_BL.flatten(), ignore_index=-100)
        if return_dict is False:
            return (logits_BLV,) if loss is None else (loss, logits_BLV)
        return MaskedLMOutput(loss=loss, logits=logits_BLV)

    def slices_of(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Index of the slice of each id: text for the ids `mask` and `eos`, 0 for other special tokens."""
        bounds = torch.tensor([start for *_, start, _ in self.config.slices], device=input_ids.device)
        found = torch.searchsorted(bounds, input_ids, right=True) - 1
        special = self.config.special_ids
        as_text = (input_ids == special["mask"]) | (input_ids == special["eos"])
        return torch.where(as_text, self.config.slice_index("text"), found)

    @staticmethod
    def _next(x_BL: torch.Tensor, last: int) -> torch.Tensor:
        """The value at the next token of a row."""
        return nn.functional.pad(x_BL[:, 1:], (0, 1), value=last)

    def _positions(self, ids_BL: torch.Tensor, segment_BL: torch.Tensor, slice_BL: torch.Tensor) -> Positions:
        """Embed the tokens; in the parallel layout, the codes of a frame are summed at one position."""
        index_L = torch.arange(ids_BL.shape[1], device=ids_BL.device)
        opens_BL = nn.functional.pad(segment_BL[:, 1:] != segment_BL[:, :-1], (1, 0), value=True)
        start_BL = torch.where(opens_BL, index_L, 0).cummax(1).values
        h_BLD = self.tokens(ids_BL) + self.kinds(slice_BL)
        if self.config.audio_layout != "parallel":
            place_BL = index_L.expand_as(ids_BL)
            return Positions(h_BLD, segment_BL, place_BL - start_BL, place_BL)
        kept_BL = (slice_BL <= self.config.slice_index("audio")) & (segment_BL > 0)
        place_BL = (kept_BL.cumsum(1) - 1).clamp(min=0)
        length = max(1, int(kept_BL.sum(1).max()))
        h_BPD = h_BLD.new_zeros(len(h_BLD), length, h_BLD.shape[-1])
        h_BLD = h_BLD * (segment_BL > 0)[:, :, None]
        h_BPD = h_BPD.scatter_add(1, place_BL[:, :, None].expand_as(h_BLD), h_BLD)
        nothing_BP = torch.zeros((len(ids_BL), length), dtype=torch.long, device=ids_BL.device)
        number_BL = (place_BL - place_BL.gather(1, start_BL)) * (segment_BL > 0)
        segment_BP, number_BP = (
            nothing_BP.scatter_reduce(1, place_BL, x_BL.long(), "amax") for x_BL in (segment_BL, number_BL)
        )
        return Positions(h_BPD, segment_BP, number_BP, place_BL)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.embedding_std)
        elif isinstance(module, Head):
            nn.init.normal_(module.weight, std=1 / self.config.hidden_size)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
        elif isinstance(module, nn.RMSNorm):
            nn.init.ones_(module.weight)


class Block(nn.Module):
    """A layer: attention and MLP on the normed residual stream."""

    def __init__(self, config: TriptychConfig) -> None:
        super().__init__()
        self._scale = config.branch_scale
        self.attention_norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.attention = Attention(config)
        self.mlp_norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.mlp = Mlp(config)

    def forward(
        self, h_BPD: torch.Tensor, cos_sin: tuple[torch.Tensor, torch.Tensor], mask_B1PP: torch.Tensor
    ) -> torch.Tensor:
        """The residual stream after this layer."""
        h_BPD = h_BPD + self._scale * self.attention(self.attention_norm(h_BPD), cos_sin, mask_B1PP)
        added_BPD: torch.Tensor = self.mlp(self.mlp_norm(h_BPD))
        return h_BPD + self._scale * added_BPD


class Attention(nn.Module):
    """Attention within segments; queries and keys are normed before the rotation."""

    def __init__(self, config: TriptychConfig) -> None:
        super().__init__()
        self._heads = (3, config.num_attention_heads, config.head_dim)
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=False)
        self.q_norm = nn.RMSNorm(config.head_dim, eps=config.rms_norm_eps)
        self.k_norm = nn.RMSNorm(config.head_dim, eps=config.rms_norm_eps)
        self.out = nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    def forward(
        self, x_BPD: torch.Tensor, cos_sin: tuple[torch.Tensor, torch.Tensor], mask_B1PP: torch.Tensor
    ) -> torch.Tensor:
        """Output of the branch, unscaled."""
        q, k, v = self.qkv(x_BPD).unflatten(-1, self._heads).unbind(2)
        q, k = (rotate(norm(x), cos_sin).type_as(v) for x, norm in ((q, self.q_norm), (k, self.k_norm)))
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        y_BHPE = scaled_dot_product_attention(q, k, v, attn_mask=mask_B1PP)
        y_BPD: torch.Tensor = self.out(y_BHPE.transpose(1, 2).flatten(2))
        return y_BPD


class Mlp(nn.Module):
    """SwiGLU; `up` holds the rows of the gate, then those of the value."""

    def __init__(self, config: TriptychConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=False)
        self.down = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x_BPD: torch.Tensor) -> torch.Tensor:
        """Output of the branch, unscaled."""
        gate, value = self.up(x_BPD).chunk(2, dim=-1)
        y_BPD: torch.Tensor = self.down(silu(gate) * value)
        return y_BPD


class Head(nn.Module):
    """A weight row, and perhaps a bias, for each id that can be predicted; a text slice begins with that of `eos`."""

    def __init__(self, config: TriptychConfig) -> None:
        super().__init__()
        self._size = config.vocab_size
        self._ids = [list(range(start, stop)) for *_, start, stop in config.slices]
        self._ids[0] = []
        self._ids[config.slice_index("text")].insert(0, config.special_ids["eos"])
        self._counts = [len(ids) for ids in self._ids]
        self.weight = nn.Parameter(torch.empty(sum(self._counts), config.hidden_size))
        self.bias = nn.Parameter(torch.empty(sum(self._counts))) if config.head_bias else None

    def forward(self, h_BLD: torch.Tensor, slice_BL: torch.Tensor) -> torch.Tensor:
        """Logits over all ids, float32, -inf outside the slice of a position."""
        logits_BLV = torch.full((*h_BLD.shape[:2], self._size), float("-inf"), dtype=torch.float32, device=h_BLD.device)
        none = [None] * len(self._counts)
        biases = none if self.bias is None else torch.split(self.bias, self._counts)
        for index, rows_CD in enumerate(torch.split(self.weight, self._counts)):
            at_BL = slice_BL == index
            if len(rows_CD) and at_BL.any():
                wide_NV = logits_BLV[at_BL]
                wide_NV[:, self._ids[index]] = linear(h_BLD[at_BL], rows_CD, biases[index]).float()
                logits_BLV[at_BL] = wide_NV
        return logits_BLV


def rotation(number_BP: torch.Tensor, head_dim: int, theta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of RoPE, float32 (B, P, 1, E / 2)."""
    steps = torch.arange(0, head_dim, 2, device=number_BP.device, dtype=torch.float32) / head_dim
    angle = number_BP[..., None].float() * theta**-steps
    return angle.cos()[:, :, None], angle.sin()[:, :, None]


def rotate(x_BPHE: torch.Tensor, cos_sin: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Rotate the pairs (x_i, x_{i + E/2}) of each head, in float32."""
    cos, sin = cos_sin
    left, right = x_BPHE.float().chunk(2, dim=-1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), dim=-1).type_as(x_BPHE)
