"""Trains the default image tokenizer: a small diffusers VQModel on pixel-unshuffled pictures.

Unshuffling first lets the convolutions run on the token grid, which is what makes minutes on a CPU enough.
A codebook trained from scratch collapses to a few dozen codes; three remedies keep it in use: a start without
quantising, k-means on what the encoder then gives, and moving codes that fall out of use onto encoder outputs.
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

from ...schemas.tokenizer_config import VqConfig
from ..protocol import Pixels
from .diffusers_vq import to_signed
from .kmeans import kmeans

CROP = 64
BATCH = 8
RATE = 1e-3
CODE_WIDTH = 8
UNSHUFFLE = {4: 4, 8: 8, 16: 16}
WIDTHS = {4: (128,), 8: (256,), 16: (256,)}
UNQUANTISED = 0.05  # share of the steps before the codebook is made
REVIVED = 0.8  # share of the steps after which no code is moved any more
REVIVE_EVERY = 1 / 15  # of the steps
DEAD = 0.02  # of the mean use
KMEANS_POINTS = 40_000
KMEANS_ITERATIONS = 10

Report = Callable[[int, int], None]


def train_vq(
    pictures: Pixels,
    config: VqConfig,
    folder: Path,
    *,
    seed: int,
    threads: int,
    report: Report | None = None,
) -> None:
    """Train on (n >= 1, size, size, 3) pictures and save the model to `folder` in diffusers' format.

    The same pictures, config, seed and threads give the same bytes on disk. `report(done, steps)` is called
    after every step. The global random state and thread count are as before afterwards.
    """
    with _own_random_and_threads(seed, threads):
        model = build(config)
        _fit(model, pictures, config, np.random.default_rng(seed), report)
        model.eval().save_pretrained(folder, safe_serialization=True)


def build(config: VqConfig) -> Any:
    """The model to train, freshly initialised from torch's global random state."""
    factor, widths = UNSHUFFLE[config.downsample], WIDTHS[config.downsample]
    library: Any = VQModel
    return library(
        in_channels=3 * factor**2,
        out_channels=3 * factor**2,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        block_out_channels=widths,
        layers_per_block=1,
        latent_channels=CODE_WIDTH,
        vq_embed_dim=CODE_WIDTH,
        num_vq_embeddings=config.codes,
        norm_num_groups=8,
        sample_size=config.size // factor,
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


def _fit(
    model: Any,
    pictures: Pixels,
    config: VqConfig,
    random: np.random.Generator,
    report: Report | None,
) -> None:
    steps, factor = config.steps, math.isqrt(model.config.in_channels // 3)
    unquantised = max(1, round(UNQUANTISED * steps))
    every, last = max(1, round(REVIVE_EVERY * steps)), round(REVIVED * steps)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _cosine_after_half(step / steps))
    use = torch.zeros(config.codes, dtype=torch.int64)
    model.train()
    for step in range(steps):
        if step == unquantised:
            _set_codes(model, pictures, factor, random)
        x = _crops(pictures, BATCH, factor, random)
        latents = model.encode(x).latents
        commitment: torch.Tensor | float = 0.0
        if step >= unquantised:
            quantised, commitment, (_, _, indices) = model.quantize(latents)
            use += torch.bincount(indices.flatten(), minlength=config.codes)
        else:
            quantised = latents
        error = model.decode(quantised, force_not_quantize=True).sample - x
        loss = 0.5 * error.abs().mean() + 2 * error.square().mean() + 0.5 * commitment
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step > unquantised and step % every == 0 and step <= last:
            _revive(model, use, latents.detach(), random)
            use.zero_()
        if report is not None:
            report(step + 1, steps)


def _cosine_after_half(done: float) -> float:
    return 1.0 if done < 0.5 else 0.5 * (1 + math.cos(math.pi * (2 * done - 1)))


def _crops(pictures: Pixels, count: int, factor: int, random: np.random.Generator) -> torch.Tensor:
    side = pictures.shape[1]
    crop = min(CROP, side)
    which = random.integers(0, len(pictures), count)
    top, left = random.integers(0, side - crop + 1, (2, count))
    flip = random.integers(0, 2, count) * 2 - 1
    cut = [
        pictures[w, t : t + crop, le : le + crop][:, ::f] for w, t, le, f in zip(which, top, left, flip, strict=True)
    ]
    return functional.pixel_unshuffle(to_signed(np.stack(cut)), factor)


def _set_codes(model: Any, pictures: Pixels, factor: int, random: np.random.Generator) -> None:
    found: list[torch.Tensor] = []
    with torch.no_grad():
        while sum(map(len, found)) < KMEANS_POINTS:
            latents = model.encode(_crops(pictures, BATCH, factor, random)).latents
            found.append(_rows(latents))
        weight = model.quantize.embedding.weight
        weight.copy_(kmeans(torch.cat(found)[:KMEANS_POINTS], len(weight), KMEANS_ITERATIONS, random))


def _revive(model: Any, use: torch.Tensor, latents: torch.Tensor, random: np.random.Generator) -> None:
    dead = torch.nonzero(use < DEAD * use.float().mean()).flatten()
    rows = _rows(latents)
    chosen = random.permutation(len(rows))[: len(dead)]
    with torch.no_grad():
        model.quantize.embedding.weight[dead[: len(chosen)]] = rows[chosen]


def _rows(latents: torch.Tensor) -> torch.Tensor:
    return latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
