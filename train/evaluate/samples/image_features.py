"""Feature extractors for the Fréchet distance: a TorchScript file, or the image encoder of a CLIP model."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt
import torch

from ....schemas.errors import Refusal, brief
from ....schemas.identity import file_fingerprint

if TYPE_CHECKING:
    from ....tokenizers.image.clip_model import ClipModel
    from ....tokenizers.protocol import Pixels

BATCH = 32  # pictures
_REACHES_OUT = re.compile(rb"torch\.(?:save|load|from_file)\b|ops\.(?!prim\b|aten\b)\w+\.\w+|\bopen\(")


@dataclass(frozen=True)
class Features:
    """A named function from images (n, side, side, 3), uint8, to feature vectors (n, width)."""

    name: str
    embed: Callable[["Pixels"], npt.NDArray[Any]]

    def __call__(self, pictures: "Pixels") -> npt.NDArray[Any]:
        """The feature vectors, float64."""
        return np.asarray(self.embed(pictures), np.float64)


def of_clip(clip: "ClipModel", name: str) -> Features:
    """The image encoder of a CLIP model."""
    return Features(name, lambda pictures: clip.embed_images(list(pictures)))


def of_file(path: str) -> Features:
    """Load a TorchScript module that maps uint8 RGB (n, 3, side, side) to (n, width) and resizes images itself.

    Raises:
        Refusal: If the file is no such module, or its code does more than compute.
    """
    jit: Any = torch.jit
    _require_computing_only(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch recommends torch.export, which fixes the sizes
            module = jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError, OSError) as error:
        detail = brief(error, 160)
        raise Refusal(
            f"--features {path}: is not a TorchScript file that loads ({detail}). Give a file saved by torch.jit.save."
        ) from None

    def embed(pictures: "Pixels") -> npt.NDArray[Any]:
        planes = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2)
        with torch.inference_mode():
            vectors = torch.cat([_vectors(module, part, path) for part in torch.split(planes, BATCH)])
        return vectors.double().numpy()

    return Features(f"{Path(path).name} ({file_fingerprint(path)[:8]})", embed)


def _require_computing_only(path: str) -> None:
    """Refuse a module whose code reads or writes files, or calls operators from outside of torch.

    TorchScript can do nothing else that reaches beyond its own memory; its code is read before the file is loaded,
    because loading may run some of it.
    """
    try:
        with ZipFile(path) as archive:
            codes = [(name, archive.read(name)) for name in archive.namelist() if name.endswith(".py")]
    except (BadZipFile, OSError):
        return  # jit.load says what is wrong with it
    for name, code in codes:
        if found := _REACHES_OUT.search(code):
            raise Refusal(
                f"--features {path}: {name} calls {found[0].decode()!r}, and a feature extractor only computes. "
                "Give a module without it."
            )


def _vectors(module: Any, planes: torch.Tensor, path: str) -> torch.Tensor:
    try:
        vectors = module(planes)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[-160:]
        raise Refusal(
            f"--features {path}: fails on uint8 images {tuple(planes.shape)} ({detail}). Wrap it in a module that "
            "accepts them."
        ) from None
    if not isinstance(vectors, torch.Tensor) or vectors.shape[:-1] != planes.shape[:1]:
        raise Refusal(f"--features {path}: does not return one vector per image. Wrap it in a module that does.")
    return vectors
