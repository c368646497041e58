"""Feature vectors of pictures, from a TorchScript file or a CLIP model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from triptych.schemas.errors import Refusal
from triptych.tokenizers.image.clip_model import ClipModel
from triptych.train.evaluate.samples.image_features import Features, of_clip, of_file

from ....tokenizers.image.tiny_clip import save_clip


def noise(count: int, seed: int, side: int = 16) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_a_torchscript_file_gives_features_and_anything_else_is_refused(tmp_path: Path) -> None:
    class Mean(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return pictures.float().mean(dim=[2, 3])

    class Scalar(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return pictures.float().mean()

    for module in (Mean(), Scalar()):
        torch.jit.script(module).save(str(tmp_path / f"{type(module).__name__}.pt"))
    pictures = noise(40, 6)
    features = of_file(str(tmp_path / "Mean.pt"))
    assert features.name.startswith("Mean.pt (")
    assert features(pictures) == pytest.approx(pictures.mean(axis=(1, 2)), rel=1e-5)
    with pytest.raises(Refusal, match="one vector per image"):
        of_file(str(tmp_path / "Scalar.pt"))(pictures)
    (tmp_path / "not.pt").write_bytes(b"no archive")
    with pytest.raises(Refusal, match="not a TorchScript file"):
        of_file(str(tmp_path / "not.pt"))


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_a_module_that_reads_or_writes_files_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    class Writes(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            torch.save(pictures, "/tmp/planted")
            return pictures.float().mean(dim=[2, 3])

    class Reads(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            secret = torch.from_file("/etc/hostname", False, 4, dtype=torch.uint8)
            return pictures.float().mean(dim=[2, 3]) + secret.sum()

    for module, name in ((Writes(), "save"), (Reads(), "from_file")):
        torch.jit.script(module).save(str(tmp_path / "module.pt"))
        with pytest.raises(Refusal, match=rf"calls 'torch\.{name}', and a feature extractor only computes"):
            of_file(str(tmp_path / "module.pt"))


def test_features_of_clip_are_its_vectors(tmp_path: Path) -> None:
    save_clip(tmp_path)
    assert of_clip(ClipModel("", str(tmp_path)), "tiny")(noise(2, 7)).shape == (2, 24)


def test_features_are_float64_whatever_the_function_gives() -> None:
    mean = Features("mean", lambda pictures: pictures.mean(axis=(1, 2), dtype=np.float32))
    vectors = mean(np.full((2, 4, 4, 3), 7, np.uint8))
    assert vectors.dtype == np.float64
    assert vectors.tolist() == [[7.0] * 3] * 2
