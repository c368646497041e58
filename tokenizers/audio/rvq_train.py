"""Training of the RVQ audio tokenizer: k-means for each level on the residual of the previous levels, then the refiner.

All random numbers come from one seed, and sums use a fixed number of threads, so the same arguments give the same
bytes. The length of training is given in steps.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Generator, Tensor

from ...schemas.config.tokenizers import RvqConfig
from ...schemas.errors import Refusal
from ...schemas.identity import canonical_json
from ..protocol import Wave
from .mel import log_mel
from .refiner import BLOCKS, WIDTH, Refiner
from .rvq import CONFIG_FILE, WEIGHTS_FILE, RvqFile, nearest, quantize, reconstruct

KMEANS_ITERATIONS = 10
KMEANS_FRAMES = 100_000  # maximum number of frames to which the codebooks are fitted
CROP = 64  # frames
BATCH = 32
LEARNING_RATE = 1e-3

Report = Callable[[int, int], None]


def train_rvq(
    waves: Sequence[Wave],
    config: RvqConfig,
    folder: Path,
    *,
    seed: int,
    threads: int,
    report: Report | None = None,
) -> None:
    """Train a tokenizer and write its folder.

    Args:
        waves: (samples,) waves in -1..1 at `config.sample_rate`.
        config: Options of the tokenizer.
        folder: Where config.json and model.safetensors are written.
        seed: Seed of all random numbers.
        threads: Number of torch threads during training.
        report: Called as `report(done, total)` after each k-means iteration and each refiner step.

    Raises:
        Refusal: There is no sample to train on.
    """
    total = config.levels * KMEANS_ITERATIONS + config.steps
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if report is not None:
            report(done, total)

    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            tensors = _train(waves, config, Generator().manual_seed(seed), advance)
    finally:
        torch.set_num_threads(threads_before)
    file = RvqFile(sample_rate=config.sample_rate, levels=config.levels, codes=config.codes)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_FILE).write_bytes(canonical_json(file.model_dump(mode="json")) + b"\n")
    (folder / WEIGHTS_FILE).write_bytes(save(tensors))


def _train(
    waves: Sequence[Wave], config: RvqConfig, generator: Generator, advance: Callable[[], None]
) -> dict[str, Tensor]:
    clips = [log_mel(torch.from_numpy(wave), config.sample_rate) for wave in waves if len(wave)]
    if not clips:
        raise Refusal("audio tokenizer: no clip to train on. Check the audio sources, or give a tokenizer by `path`.")
    frames = torch.cat(clips)
    mean = frames.mean(0)
    frames -= mean
    chosen = torch.randperm(len(frames), generator=generator)[:KMEANS_FRAMES]
    codebooks = fit_codebooks(frames[chosen], config.levels, config.codes, generator, advance)
    coarse = reconstruct(quantize(frames, codebooks), codebooks)
    refiner = _fit_refiner(coarse, frames, [len(clip) for clip in clips], config.steps, generator, advance)
    weights = {name: tensor.detach().clone() for name, tensor in refiner.state_dict().items()}
    return {"mean": mean, "codebooks": codebooks, **weights}


def fit_codebooks(frames: Tensor, levels: int, codes: int, generator: Generator, advance: Callable[[], None]) -> Tensor:
    """Fit (levels, codes, d) codebooks to (n, d) centred frames, each to the residual of the previous ones."""
    residual, codebooks = frames, []
    for _ in range(levels):
        codebook = _initial_codebook(residual, codes, generator)
        for _ in range(KMEANS_ITERATIONS):
            codebook = _lloyd(residual, codebook)
            advance()
        residual = residual - codebook[nearest(residual, codebook)]
        codebooks.append(codebook)
    return torch.stack(codebooks)


def _initial_codebook(points: Tensor, codes: int, generator: Generator) -> Tensor:
    order = torch.randperm(len(points), generator=generator)
    return points[order.repeat(-(-codes // len(points)))[:codes]]


def _lloyd(points: Tensor, codebook: Tensor) -> Tensor:
    """One step of Lloyd's algorithm.

    Each code moves to the mean of its points; a code without points moves to a point with a large error.
    """
    owner = nearest(points, codebook)
    counts = torch.bincount(owner, minlength=len(codebook))
    used, idle = counts.nonzero()[:, 0], (counts == 0).nonzero()[:, 0]
    starts = (counts.cumsum(0) - counts)[used].numpy()
    # reduceat over sorted rows is fast and has a fixed order of summation
    sums = np.add.reduceat(points[owner.argsort(stable=True)].numpy(), starts, axis=0)
    moved = codebook.clone()
    moved[used] = torch.from_numpy(sums) / counts[used, None]
    errors = (points - moved[owner]).square().sum(1)
    worst = errors.argsort(descending=True, stable=True)[: len(idle)]
    moved[idle[: len(worst)]] = points[worst]
    return moved


def _fit_refiner(
    coarse: Tensor, fine: Tensor, lengths: list[int], steps: int, generator: Generator, advance: Callable[[], None]
) -> Refiner:
    """Minimise the squared error on random crops, each within one clip."""
    refiner = Refiner(WIDTH, BLOCKS)
    optimizer = torch.optim.AdamW(refiner.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    ends = torch.tensor(lengths).cumsum(0).repeat_interleave(torch.tensor(lengths))
    begins = ends - torch.tensor(lengths).repeat_interleave(torch.tensor(lengths))
    for _ in range(steps):
        drawn = torch.randint(len(fine), (BATCH,), generator=generator)
        begin, end = begins[drawn, None], ends[drawn, None]
        rows = torch.maximum(torch.minimum(drawn[:, None], end - CROP), begin) + torch.arange(CROP)
        inside = (rows < end)[..., None]  # a clip shorter than a crop is padded with zeros, as in decoding
        rows = torch.minimum(rows, end - 1)
        error = refiner((coarse[rows] * inside).mT).mT - fine[rows]
        loss = (error.square() * inside).sum() / (inside.sum() * error.shape[-1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        advance()
    return refiner
