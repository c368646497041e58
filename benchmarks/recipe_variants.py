"""Changes of the network on characters: value residuals, biases on queries and keys, and others, each by itself.

`VARIANTS` in benchmarks/tried.py names them. Each changes a new model in place, as somebody would who tries it; none
is an option of a train file.

Shapes are named by suffix: B rows, L tokens per row, H heads, E size of a head, F = E / 2, N queried positions.
"""

from collections.abc import Callable

import torch
from torch import nn

from triptych.model.network.attention import Mask, attend
from triptych.model.network.rope import BASE, rotate
from triptych.model.network.transformer import Attention, CosSin, Transformer
from triptych.schemas.vocabulary import Special

CAP = 30.0  # of logits, as in Gemma 2 (https://arxiv.org/abs/2408.00118)
PAIRS, PEAK = 4, 6.0  # of the biases: rotated pairs in use, and logit at the offset that a head looks at


def zero_outputs(model: Transformer) -> None:
    """Zero the last matrix of each branch, so that every layer begins as the identity."""
    for block in model.blocks:
        nn.init.zeros_(block.attention.out.weight)  # type: ignore[union-attr, arg-type]
        nn.init.zeros_(block.mlp.down.weight)  # type: ignore[union-attr, arg-type]


def value_residuals(model: Transformer) -> None:
    """Average the values of each layer with those of the first (https://arxiv.org/abs/2410.17897)."""
    first: list[torch.Tensor] = []
    for number, block in enumerate(model.blocks):
        attention: Attention = block.attention  # type: ignore[assignment]
        attention.forward = _with_first_values(attention, number, first)  # type: ignore[method-assign]


def _with_first_values(attention: Attention, number: int, first: list[torch.Tensor]) -> Callable[..., torch.Tensor]:
    def forward(x_BLD: torch.Tensor, cos_sin: CosSin, mask: Mask) -> torch.Tensor:
        q_BLHE, k_BLHE, v_BLHE = attention.qkv(x_BLD).unflatten(-1, attention._heads).unbind(2)
        if number == 0:
            first[:] = [v_BLHE]
        v_BLHE = (v_BLHE + first[0]) / 2
        q_BLHE, k_BLHE = rotate(attention.q_norm(q_BLHE), cos_sin), rotate(attention.k_norm(k_BLHE), cos_sin)
        y_BLD: torch.Tensor = attention.out(attend(q_BLHE, k_BLHE, v_BLHE, mask).flatten(2))
        return y_BLD

    return forward


def offset_biases(model: Transformer) -> None:
    """Add biases to queries and keys behind their norms, set so that each head looks at an offset of ±1, ±2, …

    A masked position has no content that its query could be made of, but it has its place.
    """
    sign, distance = -1, 1
    for block in model.blocks:
        attention: Attention = block.attention  # type: ignore[assignment]
        _, heads, size = attention._heads
        q_HE, k_HE = torch.zeros(heads, size), torch.zeros(heads, size)
        k_HE[:, :PAIRS] = (PEAK * size**0.5 / PAIRS) ** 0.5
        for head in range(heads):
            angle_F = sign * distance * BASE ** -(torch.arange(0, size, 2) / size)
            q_HE[head] = rotate(k_HE[head], (angle_F.cos(), angle_F.sin()))
            sign, distance = -sign, distance + (sign > 0)
        attention.q_norm.register_parameter("shift", nn.Parameter(q_HE))
        attention.k_norm.register_parameter("shift", nn.Parameter(k_HE))
        for norm in (attention.q_norm, attention.k_norm):
            norm.register_forward_hook(lambda module, inputs, out: out + module.shift)


def soft_cap(model: Transformer) -> None:
    """Keep logits within ± CAP by a tanh."""
    model.head.forward = _capped(model)  # type: ignore[method-assign]


def _capped(model: Transformer) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    def forward(h_ND: torch.Tensor, class_N: torch.Tensor, groups: object) -> tuple[torch.Tensor, torch.Tensor]:
        logits_NC = CAP * torch.tanh(nn.functional.linear(h_ND, model.head.weight, model.head.bias) / CAP)
        log_z_N = logits_NC.logsumexp(-1)
        return log_z_N - logits_NC.gather(-1, class_N[:, None])[:, 0], log_z_N

    return forward


def tied(model: Transformer) -> None:
    """Take the head's rows from the token embeddings, scaled to the head's initial size."""
    text = range(model.slices.text_start, len(model.tokens.weight))
    ids = torch.tensor([int(Special.EOS), *text])
    scale = float(model.head.weight.detach().std() / model.tokens.weight.detach().std())
    del model.head.weight
    model.head.forward = _tied(model, ids, scale)  # type: ignore[method-assign]


def _tied(model: Transformer, ids: torch.Tensor, scale: float) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    def forward(h_ND: torch.Tensor, class_N: torch.Tensor, groups: object) -> tuple[torch.Tensor, torch.Tensor]:
        logits_NC = nn.functional.linear(h_ND, model.tokens.weight[ids] * scale, model.head.bias)
        log_z_N = logits_NC.logsumexp(-1)
        return log_z_N - logits_NC.gather(-1, class_N[:, None])[:, 0], log_z_N

    return forward
