"""What turns pictures into the vectors that a Fréchet distance is of: a TorchScript file, or CLIP's tower."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from ....schemas.errors import Refusal
from ....schemas.identity import file_fingerprint

if TYPE_CHECKING:
    from ....tokenizers.image.clip_model import ClipModel
    from ....tokenizers.protocol import Pixels

BATCH = 32  # pictures


@dataclass(frozen=True)
class Features:
    """A named map from pictures (n, side, side, 3) uint8 to vectors (n, width)."""

    name: str
    embed: Callable[["Pixels"], npt.NDArray[Any]]

    def __call__(self, pictures: "Pixels") -> npt.NDArray[Any]:
        """The vectors, as float64."""
        return np.asarray(self.embed(pictures), np.float64)


def of_clip(clip: "ClipModel", name: str) -> Features:
    """The picture tower of a CLIP."""
    return Features(name, lambda pictures: clip.embed_images(list(pictures)))


def of_file(path: str) -> Features:
    """A TorchScript module that takes (n, 3, side, side) uint8 RGB, resizes as it must, and gives (n, width).

    Raises Refusal for anything else.
    """
    jit: Any = torch.jit
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch would rather have its exports, which fix the sizes
            module = jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError, OSError) as error:
        detail = " ".join(str(error).split())[:160]
        raise Refusal(
            f"--features {path}: is no TorchScript file that loads ({detail}). Give a module that torch.jit.save wrote."
        ) from None

    def embed(pictures: "Pixels") -> npt.NDArray[Any]:
        planes = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2)
        with torch.inference_mode():
            vectors = torch.cat([_vectors(module, part, path) for part in torch.split(planes, BATCH)])
        return vectors.double().numpy()

    return Features(f"{Path(path).name} ({file_fingerprint(path)[:8]})", embed)


def _vectors(module: Any, planes: torch.Tensor, path: str) -> torch.Tensor:
    try:
        vectors = module(planes)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[-160:]
        raise Refusal(
            f"--features {path}: fails on uint8 pictures {tuple(planes.shape)} ({detail}). Wrap it in a module that "
            "takes these."
        ) from None
    if not isinstance(vectors, torch.Tensor) or vectors.shape[:-1] != planes.shape[:1]:
        raise Refusal(f"--features {path}: does not give one vector a picture. Wrap it in a module that does.")
    return vectors
