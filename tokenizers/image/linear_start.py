"""Initialises a VQModel as the best linear autoencoder of its patches, so that training starts from the PCA solution.

From a random initialisation the latents lie on a line for hundreds of steps, and a codebook fitted to them keeps them
there. Here encoder and decoder are exact projections on the principal components from the first step: pairs of
channels undo SiLU by silu(a) - silu(-a) = a, residual blocks start as the identity (their last convolution is zero),
and GroupNorm is almost constant because every group has a pair of large constant channels.
"""

from typing import Any

import torch
from torch import nn

CONSTANT = 10.0  # large compared with components of variance about 1


def start_linear(model: Any, patches: torch.Tensor) -> None:
    """Set the weights of a one-block VQModel from (n, channels) patches (n >= 1) in the layout of its input."""
    mean, components, scale = principal(patches, model.config.latent_channels)
    analysis, synthesis = components / scale, components.T * scale
    with torch.no_grad():
        for part in (model.encoder, model.decoder):
            for block in part.modules():
                if hasattr(block, "conv2"):
                    block.conv2.weight.zero_()
                    block.conv2.bias.zero_()
        _into_pairs(model.encoder, analysis, -analysis @ mean)
        _out_of_pairs(model.encoder, torch.eye(len(components)), torch.zeros(len(components)))
        _into_pairs(model.decoder, torch.eye(len(components)), torch.zeros(len(components)))
        _out_of_pairs(model.decoder, synthesis, mean)
        for point in (model.quant_conv, model.post_quant_conv):
            point.weight.copy_(torch.eye(len(components))[:, :, None, None])
            point.bias.zero_()


def principal(patches: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the mean (channels,), the first components (count, channels) and the RMS scale of the components."""
    exact = patches.double()
    mean = exact.mean(0)
    variance, vectors = torch.linalg.eigh((exact - mean).T @ (exact - mean) / len(exact))
    scale = variance[-count:].clamp_min(0).mean().sqrt().clamp_min(1e-3)
    return mean.float(), vectors[:, -count:].flip(1).T.float(), scale.float()


def _channels(norm: nn.GroupNorm, count: int) -> tuple[list[int], list[int]]:
    # component i has a channel pair in group i mod groups, after the constant pair of the group
    size = norm.num_channels // norm.num_groups
    plus = [i % norm.num_groups * size + 2 + 2 * (i // norm.num_groups) for i in range(count)]
    return plus, [group * size for group in range(norm.num_groups)]


def _into_pairs(part: Any, matrix: torch.Tensor, bias: torch.Tensor) -> None:
    plus, constant = _channels(part.conv_norm_out, len(matrix))
    for sign, offset in ((1, 0), (-1, 1)):
        rows = [channel + offset for channel in plus]
        part.conv_in.weight[rows] = 0
        part.conv_in.weight[rows, :, 1, 1] = sign * matrix
        part.conv_in.bias[rows] = sign * bias
        rows = [channel + offset for channel in constant]
        part.conv_in.weight[rows] = 0
        part.conv_in.bias[rows] = sign * CONSTANT


def _out_of_pairs(part: Any, matrix: torch.Tensor, bias: torch.Tensor) -> None:
    norm = part.conv_norm_out
    plus, _ = _channels(norm, matrix.shape[1])
    size = norm.num_channels // norm.num_groups
    part.conv_out.weight.zero_()
    part.conv_out.bias.copy_(bias)
    for sign, offset in ((1, 0), (-1, 1)):
        rows = [channel + offset for channel in plus]
        norm.weight[rows] = CONSTANT * (2 / size) ** 0.5
        part.conv_out.weight[:, rows, 1, 1] = sign * matrix
