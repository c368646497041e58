"""The audio tokenizer that is trained in a run: residual k-means over log-mel frames, decoded by Griffin-Lim.

It is a folder with config.json and model.safetensors, written by `rvq_train.train_rvq`. Each of the 50 frames per
second has one code per level.
"""

from collections.abc import Sequence
from typing import Literal

import fsspec
import numpy as np
import numpy.typing as npt
import torch
from pydantic import PositiveInt, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from ...schemas.base import Strict
from ...schemas.errors import Refusal, brief
from ...schemas.identity import bytes_fingerprint, fingerprint, parse_json
from ..protocol import Codes, Wave
from .mel import FRAME_RATE, log_mel, wave_from
from .refiner import BLOCKS, WIDTH, Refiner

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
DISTANCES = 1 << 22  # number of distances computed at a time: 16 MB


class RvqFile(Strict):
    """The config.json of a trained tokenizer."""

    kind: Literal["triptych-rvq"] = "triptych-rvq"
    version: Literal[1] = 1
    sample_rate: Literal[16000, 24000]
    levels: PositiveInt
    codes: PositiveInt
    width: PositiveInt = WIDTH
    blocks: PositiveInt = BLOCKS


class RvqCodec:
    """An AudioTokenizer loaded from a folder by path or fsspec URL.

    Raises:
        Refusal: The folder holds no such tokenizer.
    """

    def __init__(self, path: str) -> None:
        try:
            settings, weights = _read(path, CONFIG_FILE), _read(path, WEIGHTS_FILE)
            self.config = RvqFile.model_validate(parse_json(settings))
            tensors = load(weights)
            self._mean, self._codebooks = tensors.pop("mean"), tensors.pop("codebooks")
            needed = 2 * self.config.blocks * 3 * self.config.width**2  # parameters of its convolutions
            if needed > len(weights):
                raise ValueError(f"its config claims {needed:,} parameters, the weights have {len(weights):,} bytes")
            self._refiner = Refiner(self.config.width, self.config.blocks)
            self._refiner.load_state_dict(tensors)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, ValidationError) as error:
            why = brief(error)
            raise Refusal(
                f"audio tokenizer `{path}`: no tokenizer of kind rvq can be loaded ({why}). "
                f"Give a folder with {CONFIG_FILE} and {WEIGHTS_FILE} that `triptych tokenizer train audio` wrote."
            ) from None
        self.sizes = (self.config.codes,) * self.config.levels
        self.sample_rate: int = self.config.sample_rate
        self.frame_rate = float(FRAME_RATE)
        self.fingerprint = fingerprint("rvq", self.config.model_dump(mode="json"), bytes_fingerprint([weights]))

    def encode(self, waves: Sequence[Wave]) -> list[Codes]:
        """Encode waves in -1..1 at `sample_rate` to (ceil(samples / hop), levels) codes each."""
        return [self._encode(wave) for wave in waves]

    def decode(self, codes: npt.ArrayLike) -> Wave:
        """Decode (frames, levels) codes to frames * hop samples in -1..1; the result is deterministic."""
        indices = torch.from_numpy(np.asarray(codes).astype(np.int64))
        if not len(indices):
            return np.empty(0, np.float32)
        with torch.inference_mode():
            refined = self._refiner(reconstruct(indices, self._codebooks).T[None])[0].T
            wave: Wave = wave_from(refined + self._mean, self.sample_rate).numpy()
        return wave

    # One clip at a time: a padded batch may sum in another order, and a code could change.
    def _encode(self, wave: Wave) -> Codes:
        with torch.inference_mode():
            frames = log_mel(torch.from_numpy(np.asarray(wave, np.float32)), self.sample_rate) - self._mean
            return quantize(frames, self._codebooks).numpy().astype(np.uint32)


def quantize(frames: Tensor, codebooks: Tensor) -> Tensor:
    """Quantise frames level by level, each level encoding the residual of the previous ones.

    Args:
        frames: (n, bands).
        codebooks: (levels, codes, bands).

    Returns:
        (n, levels) codes.
    """
    residual, levels = frames, []
    for codebook in codebooks:
        codes = nearest(residual, codebook)
        levels.append(codes)
        residual = residual - codebook[codes]
    return torch.stack(levels, dim=1)


def nearest(points: Tensor, codebook: Tensor) -> Tensor:
    """Return the (n,) index of the row of (codes, d) nearest to each of (n, d) points; the first of equal ones."""
    half_norms = codebook.square().sum(1) / 2
    size = max(1, DISTANCES // len(codebook))
    starts = range(0, len(points), size)
    return torch.cat([(half_norms - points[start : start + size] @ codebook.T).argmin(1) for start in starts])


def reconstruct(codes: Tensor, codebooks: Tensor) -> Tensor:
    """Sum the codebook rows of (n, levels) codes to (n, bands) frames."""
    return torch.stack([codebook[codes[:, level]] for level, codebook in enumerate(codebooks)]).sum(0)


def _read(path: str, name: str) -> bytes:
    with fsspec.open(f"{path.rstrip('/')}/{name}", "rb") as stream:
        data: bytes = stream.read()
    return data
