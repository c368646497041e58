"""Training of the default image tokenizer: a small diffusers VQModel on pixel-unshuffled images.

Because of the unshuffling, convolutions run on the token grid, so that training takes minutes on a CPU. The model
starts as the linear autoencoder of its patches (linear_start) with a codebook from k-means, so that even a few steps
give a usable tokenizer; after that the codebook follows the encoder by moving averages (codebook).
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import VQModel
from torch.nn import functional

from ...schemas.config.tokenizers import VqConfig
from ..protocol import Pixels
from .codebook import MovingCodebook
from .diffusers_vq import to_signed
from .kmeans import kmeans
from .linear_start import start_linear

CROP = 64
BATCH = 8
WIDTH = {4: 128, 8: 256, 16: 256}  # downsampling factor -> channels
CODE_WIDTH = 8
RATE = 1e-3
BETAS = (0.9, 0.99)
# warm-up steps to the peak rate, which then follows a cosine to zero; a faster warm-up destroys the linear start
WARM_UP = 75
REVIVED = 0.8  # share of the steps after which unused codes are no longer moved
START_LATENTS = 40_000  # or 40 per code where that is less
KMEANS_ITERATIONS = 10

Report = Callable[[int, int], None]


def train_vq(
    pictures: Pixels, config: VqConfig, folder: Path, *, seed: int, threads: int, report: Report | None = None
) -> None:
    """Train a tokenizer and save it in the format of diffusers.

    The same arguments give the same bytes on disk. The global random state and thread count are restored afterwards.

    Args:
        pictures: (n >= 1, size, size, 3) images.
        config: Options of the tokenizer.
        folder: Where the model is saved.
        seed: Seed of all random numbers.
        threads: Number of torch threads during training.
        report: Called as `report(done, steps)` after every step.
    """
    with _own_random_and_threads(seed, threads):
        random = np.random.default_rng(seed)
        model = build(config)
        _start(model, pictures, random)
        _fit(model, pictures, config.steps, random, report)
        model.eval().save_pretrained(folder, safe_serialization=True)


def build(config: VqConfig) -> Any:
    """Build the model to train, initialised from torch's global random state."""
    library: Any = VQModel
    return library(
        in_channels=3 * config.downsample**2,
        out_channels=3 * config.downsample**2,
        block_out_channels=(WIDTH[config.downsample],),
        layers_per_block=1,
        latent_channels=CODE_WIDTH,
        sample_size=config.size // config.downsample,
        num_vq_embeddings=config.codes,
        norm_num_groups=8,
        mid_block_add_attention=False,
    )


@contextmanager
def _own_random_and_threads(seed: int, threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _start(model: Any, pictures: Pixels, random: np.random.Generator) -> None:
    factor = math.isqrt(model.config.in_channels // 3)
    codes = model.config.num_vq_embeddings
    wanted = max(codes, min(40 * codes, START_LATENTS))
    batches: list[torch.Tensor] = []
    while sum(x[:, 0].numel() for x in batches) < wanted:
        batches.append(_crops(pictures, factor, random))
    start_linear(model, torch.cat([_rows(x) for x in batches]))
    with torch.no_grad():
        latents = torch.cat([_rows(model.encode(x).latents) for x in batches])
        weight = model.quantize.embedding.weight
        weight.copy_(kmeans(latents, codes, KMEANS_ITERATIONS, random))


def _fit(model: Any, pictures: Pixels, steps: int, random: np.random.Generator, report: Report | None) -> None:
    factor = math.isqrt(model.config.in_channels // 3)
    weight = model.quantize.embedding.weight.requires_grad_(False)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE, betas=BETAS)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    codebook: MovingCodebook | None = None
    model.train()
    for step in range(steps):
        x = _crops(pictures, factor, random)
        latents = model.encode(x).latents
        quantised, _, (_, _, nearest) = model.quantize(latents)
        error = model.decode(quantised, force_not_quantize=True).sample - x
        commitment = (quantised.detach() - latents).square().mean()
        loss = 0.5 * error.abs().mean() + 2 * error.square().mean() + 0.5 * commitment
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        rows = _rows(latents.detach())
        codebook = codebook or MovingCodebook(weight, len(rows))
        codebook.update(rows, nearest, random if step < REVIVED * steps else None)
        if report is not None:
            report(step + 1, steps)


def _rate(step: int, steps: int) -> float:
    return min((step + 1) / WARM_UP, 0.5 * (1 + math.cos(math.pi * step / steps)))


def _crops(pictures: Pixels, factor: int, random: np.random.Generator) -> torch.Tensor:
    side = pictures.shape[1]
    crop = min(CROP, side)
    which = random.integers(0, len(pictures), BATCH)
    tops, lefts = random.integers(0, side - crop + 1, (2, BATCH))
    flips = random.choice([-1, 1], BATCH)
    cut = [
        pictures[picture, top : top + crop, left : left + crop][:, ::flip]
        for picture, top, left, flip in zip(which, tops, lefts, flips, strict=True)
    ]
    return functional.pixel_unshuffle(to_signed(np.stack(cut)), factor)


def _rows(grid: torch.Tensor) -> torch.Tensor:
    return grid.permute(0, 2, 3, 1).reshape(-1, grid.shape[1])
