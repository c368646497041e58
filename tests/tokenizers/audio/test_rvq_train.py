"""Codebooks are fitted level by level to what the levels before them left."""

from pathlib import Path

import pytest
import torch
from torch import Generator

from triptych.schemas.config.tokenizers import RvqConfig
from triptych.schemas.errors import Refusal
from triptych.tokenizers.audio.rvq import quantize, reconstruct
from triptych.tokenizers.audio.rvq_train import KMEANS_ITERATIONS, fit_codebooks, train_rvq


def fit(frames: torch.Tensor, levels: int, codes: int, seed: int = 0) -> torch.Tensor:
    return fit_codebooks(frames, levels, codes, Generator().manual_seed(seed), lambda: None)


def test_one_code_is_the_mean_and_leaves_nothing_to_the_next_level() -> None:
    frames = torch.tensor([[0.0, 1.0], [2.0, 1.0], [7.0, 4.0]])
    assert torch.allclose(fit(frames, 2, 1), torch.tensor([[[3.0, 2.0]], [[0.0, 0.0]]]), atol=1e-6)


def test_two_levels_split_the_clusters_and_then_what_is_within_them() -> None:
    frames = torch.tensor([[0.0], [1.0], [100.0], [101.0]])
    for seed in range(8):
        first, second = fit(frames, 2, 2, seed)
        assert sorted(first.flatten().tolist()) == [0.5, 100.5]
        assert sorted(second.flatten().tolist()) == [-0.5, 0.5]
    assert frames.flatten().tolist() == [0.0, 1.0, 100.0, 101.0]


def test_every_level_lowers_the_error_and_every_iteration_is_reported() -> None:
    frames, calls = torch.randn(300, 4, generator=Generator().manual_seed(0)), []
    codebooks = fit_codebooks(frames, 4, 8, Generator().manual_seed(0), lambda: calls.append(1))
    assert codebooks.shape == (4, 8, 4)
    assert len(calls) == 4 * KMEANS_ITERATIONS
    codes = quantize(frames, codebooks)
    errors = [
        (reconstruct(codes[:, :levels], codebooks[:levels]) - frames).square().mean().item() for levels in range(1, 5)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < frames.var().item()
    assert errors[-1] < 0.5 * errors[0]


def test_more_codes_than_frames_give_every_frame_a_code_of_its_own() -> None:
    frames = torch.tensor([[1.0, 2.0], [3.0, 5.0], [-4.0, 0.0]])
    codebooks = fit(frames, 1, 7)
    assert codebooks.shape == (1, 7, 2)
    assert torch.equal(reconstruct(quantize(frames, codebooks), codebooks), frames)


def test_no_sound_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no clip to train on"):
        train_rvq([torch.zeros(0).numpy()], RvqConfig(), tmp_path / "rvq", seed=0, threads=1)
    assert not (tmp_path / "rvq").exists()
