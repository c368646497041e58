"""What training promises: any size of input, the same bytes, nothing disturbed, and better than its start."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch.nn import functional

from triptych.schemas.config.tokenizers import VqConfig
from triptych.tokenizers.image.codebook import MovingCodebook
from triptych.tokenizers.image.diffusers_vq import DiffusersVq, to_signed
from triptych.tokenizers.image.kmeans import assign, kmeans
from triptych.tokenizers.image.linear_start import principal, start_linear
from triptych.tokenizers.image.report import image_report
from triptych.tokenizers.image.vq_train import build, train_vq
from triptych.tokenizers.protocol import Pixels


def scenes(count: int, side: int, seed: int = 0) -> Pixels:
    """Discs of random colour on slopes of random colour."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    out = []
    for _ in range(count):
        ends, (cx, cy, radius) = draw.integers(0, 256, (3, 3)), draw.random(3)
        slope = ends[0] + (ends[1] - ends[0]) * (x if draw.random() < 0.5 else y)[..., None]
        disc = (x - cx) ** 2 + (y - cy) ** 2 < (0.1 + 0.4 * radius) ** 2
        out.append(np.where(disc[..., None], ends[2], slope))
    return np.stack(out).astype(np.uint8)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(("downsample", "side"), [(4, 32), (8, 64), (16, 64)])
def test_few_steps_and_one_picture_give_a_tokenizer(downsample: Literal[4, 8, 16], side: int, tmp_path: Path) -> None:
    config = VqConfig(size=side, downsample=downsample, codes=32, steps=2)
    train_vq(scenes(1, side), config, tmp_path, seed=0, threads=1)
    tokenizer = DiffusersVq(str(tmp_path), side=side)
    assert (tokenizer.size, tokenizer.tokens, tokenizer.downsample) == (32, (side // downsample) ** 2, downsample)
    codes = tokenizer.encode(scenes(2, side))
    assert codes.shape == (2, tokenizer.tokens)
    assert codes.max() < 32
    assert tokenizer.decode(codes).shape == (2, side, side, 3)


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    config = VqConfig(size=32, downsample=8, codes=16, steps=4)
    for name, seed in {"a": 1, "b": 1, "c": 2}.items():
        torch.rand(3)  # what others draw has no say
        train_vq(scenes(5, 32), config, tmp_path / name, seed=seed, threads=1)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a") != files(tmp_path / "c")


def test_the_process_is_left_as_it_was(tmp_path: Path) -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    seen: list[tuple[int, int, int]] = []

    def report(done: int, steps: int) -> None:
        seen.append((done, steps, torch.get_num_threads()))

    config = VqConfig(size=32, downsample=16, codes=8, steps=3)
    torch.set_num_threads(2)
    try:
        train_vq(scenes(2, 32), config, tmp_path, seed=0, threads=1, report=report)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert seen == [(1, 3, 1), (2, 3, 1), (3, 3, 1)]
    assert torch.equal(torch.get_rng_state(), state)


def test_training_improves_on_its_start_and_keeps_the_codebook_in_use(tmp_path: Path) -> None:
    reports: list[dict[str, Any]] = []
    held_out = scenes(40, 32, seed=1)
    for steps in (1, 120):
        config = VqConfig(size=32, downsample=4, codes=64, steps=steps)
        train_vq(scenes(60, 32), config, tmp_path / str(steps), seed=0, threads=1)
        reports.append(image_report(DiffusersVq(str(tmp_path / str(steps)), side=32), [held_out]))
    start, end = reports
    assert start["psnr"] > 17
    assert end["psnr"] > start["psnr"] + 0.5
    assert end["codes_used_share"] >= 0.8


def test_the_start_is_the_linear_autoencoder() -> None:
    torch.manual_seed(0)
    model = build(VqConfig(size=32, downsample=4, codes=16))
    x = functional.pixel_unshuffle(to_signed(scenes(8, 32)), 4)
    patches = x.permute(0, 2, 3, 1).reshape(-1, 48)
    start_linear(model, patches)
    mean, components, _ = principal(patches, 8)
    expected = (patches - mean) @ components.T @ components + mean
    with torch.no_grad():
        decoded = model.decode(model.encode(x).latents, force_not_quantize=True).sample
    error = (decoded.permute(0, 2, 3, 1).reshape(-1, 48) - expected).square().mean()
    assert error < 0.05 * patches.var()


def test_a_flat_picture_trains(tmp_path: Path) -> None:
    grey = np.full((1, 32, 32, 3), 100, np.uint8)
    train_vq(grey, VqConfig(size=32, downsample=8, codes=8, steps=3), tmp_path, seed=0, threads=1)
    tokenizer = DiffusersVq(str(tmp_path), side=32)
    assert np.abs(tokenizer.decode(tokenizer.encode(grey)).astype(int) - 100).max() < 12


def test_kmeans_finds_the_clusters_and_fills_every_code() -> None:
    draw = np.random.default_rng(0)
    centres = draw.normal(size=(10, 3)).astype(np.float32) * 20
    points = torch.from_numpy(np.repeat(centres, 50, 0) + draw.normal(size=(500, 3)).astype(np.float32))
    found = kmeans(points, 10, 20, np.random.default_rng(1))
    nearest, squared = assign(points, found)
    assert torch.equal(nearest, torch.cdist(points, found).argmin(1))
    assert torch.allclose(squared, torch.cdist(points, found).square().min(1).values, atol=1e-2)
    assert len(nearest.unique()) == 10
    assert squared.mean() < 60
    few = kmeans(points[:3], 8, 5, np.random.default_rng(1))
    assert len(few) == 8
    assert assign(points[:3], few)[1].max() < 1e-3


def test_codes_follow_their_latents_and_unused_ones_move() -> None:
    weight = torch.tensor([[0.0], [100.0]])
    codebook = MovingCodebook(weight, latents=10)
    rows, nearest = torch.full((10, 1), 2.0), torch.zeros(10, dtype=torch.int64)
    for _ in range(1000):
        codebook.update(rows, nearest, None)
    assert weight[0].item() == pytest.approx(2.0, abs=1e-3)
    assert weight[1].item() == pytest.approx(100.0, rel=1e-2)
    for _ in range(200):
        codebook.update(rows, nearest, np.random.default_rng(0))
    assert weight[1].item() == pytest.approx(2.0)
