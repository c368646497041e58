"""Model sizes: depth and width of each preset, and the number of parameters that follows.

Presets have width = 128 * depth, except `1m`, which would be too shallow and is narrower. A preset's name counts the
parameters outside of embeddings, because those depend on the vocabulary.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from ...schemas.config.model import AudioLayout, ModelConfig, Preset
from ...schemas.vocabulary import Vocabulary
from .slices import Slices

ASPECT = 128
PRESETS: dict[Preset, tuple[int, int]] = {  # depth, width
    "1m": (5, 128),
    "5m": (3, 384),
    "13m": (4, 512),
    "25m": (5, 640),
    "42m": (6, 768),
    "100m": (8, 1024),
    "200m": (10, 1280),
    "350m": (12, 1536),
    "800m": (16, 2048),
    "1b": (17, 2176),
    "3b": (24, 3072),
}


class Parameters(NamedTuple):
    """Number of parameters; `embedding` counts input embeddings (tokens and slices) and the output head."""

    embedding: int
    rest: int

    @property
    def total(self) -> int:
        """All parameters."""
        return self.embedding + self.rest


@dataclass(frozen=True)
class Shape:
    """The sizes that a transformer is built from."""

    depth: int
    width: int
    head_size: int
    hidden: int  # width of the MLP's hidden layer
    width_ratio: float  # width over base width: m_N of CompleteP
    depth_ratio: float  # depth over base depth: m_L of CompleteP
    alpha: float  # CompleteP's exponent of depth
    audio_layout: AudioLayout = "flat"
    head_bias: bool = False

    @property
    def heads(self) -> int:
        """Number of attention heads."""
        return self.width // self.head_size

    @property
    def branch_scale(self) -> float:
        """Factor on the output of a residual branch: m_L^-alpha (CompleteP, https://arxiv.org/abs/2505.01618)."""
        return float(self.depth_ratio**-self.alpha)

    @property
    def matmul(self) -> int:
        """Number of parameters in the layers' weight matrices."""
        return self.depth * (4 * self.width**2 + 3 * self.width * self.hidden)

    def parameters(self, vocabulary: Vocabulary) -> Parameters:
        """Number of parameters, computed from the sizes; a test compares it with the module."""
        classes = sum(Slices.of(vocabulary).widths)
        rows = vocabulary.size + len(vocabulary.slices) + classes
        norms = self.depth * (2 * self.width + 2 * self.head_size) + self.width
        return Parameters(rows * self.width + classes * self.head_bias, self.matmul + norms)


def shape_of(config: ModelConfig) -> Shape:
    """The shape that a `model:` block of a train file describes."""
    depth, width = PRESETS[config.preset] if config.preset else (config.depth or 1, config.width)
    width = width or ASPECT * depth
    return Shape(
        depth=depth,
        width=width,
        head_size=config.head_size,
        hidden=128 * math.ceil(config.mlp_ratio * width / 128 - 1e-9),
        width_ratio=width / config.base_width,
        depth_ratio=depth / config.base_depth,
        alpha=config.alpha,
        audio_layout=config.audio_layout,
        head_bias=config.head_bias,
    )
