"""Image tokenizer over any diffusers VQModel: trained in a run, SBER-MoVQGAN, Kandinsky's MoVQ, aMUSEd's VQGAN."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from diffusers import VQModel
from torch.nn import functional

from ...schemas.errors import Refusal
from ..claimed_sizes import require_claims_fit
from ..protocol import Codes, Pixels
from .weights import find_model, load_whole

WEIGHTS = "diffusion_pytorch_model"
# Tokens that a CPU computes at once: the activations of more images do not fit into its caches, which costs a quarter
# of the speed at 256 pixels.
TOKENS_AT_ONCE = 4096


class DiffusersVq:
    """An ImageTokenizer over a VQModel, from a local folder or a hub name.

    A model whose input has 3·r² channels gets the image after pixel-unshuffle by r.

    Raises:
        Refusal: Files are missing or not safetensors, the config is not that of a VQModel, or `side` is not a multiple
            of the downsampling factor.
    """

    def __init__(self, path: str, *, side: int) -> None:
        files = find_model(path, WEIGHTS)
        self.downsample = downsample_of(files.config, path)
        if side % self.downsample:
            raise Refusal(
                f"{path}: makes one token of {self.downsample}x{self.downsample} pixels, and `size: {side}` "
                f"is not a multiple of it. Set `size` to {max(1, side // self.downsample) * self.downsample}."
            )
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        library: Any = VQModel
        require_claims_fit(path, files.config, files.weights, lambda: library.from_config(files.config))
        options = {"use_safetensors": True, "torch_dtype": torch.float32, "low_cpu_mem_usage": False}
        model = load_whole(path, lambda: library.from_pretrained(files.folder, output_loading_info=True, **options))
        self._model = model.to(self._device).eval()
        self._unshuffle = math.isqrt(self._model.config.in_channels // 3)
        self.fingerprint = files.fingerprint("diffusers", side)
        self.size: int = self._model.quantize.n_e
        self.pixels = side
        self.tokens = (side // self.downsample) ** 2

    @torch.inference_mode()
    def encode(self, pixels: Pixels) -> Codes:
        """Encode (batch, side, side, 3) RGB images to (batch, tokens) codes, row-major."""
        step = max(1, TOKENS_AT_ONCE // self.tokens) if self._device == "cpu" else max(1, len(pixels))
        pieces = [self._encode(pixels[start : start + step]) for start in range(0, len(pixels), step)]
        return np.concatenate([np.empty((0, self.tokens), np.uint32), *pieces])

    def _encode(self, pixels: Pixels) -> Codes:
        x = functional.pixel_unshuffle(to_signed(pixels).to(self._device), self._unshuffle)
        latents = self._model.encode(x).latents.permute(0, 2, 3, 1).flatten(0, 2)
        # as VQModel.quantize, which also computes what training needs
        nearest = torch.cdist(latents, self._model.quantize.embedding.weight).argmin(dim=1)
        return np.asarray(nearest.reshape(len(pixels), -1).cpu().numpy(), np.uint32)

    @torch.inference_mode()
    def decode(self, codes: npt.ArrayLike) -> Pixels:
        """Decode (batch, tokens) codes to (batch, side, side, 3) RGB images."""
        indices = torch.from_numpy(np.asarray(codes, np.int64)).to(self._device)
        grid = math.isqrt(self.tokens)
        shape = (len(indices), grid, grid, self._model.quantize.vq_embed_dim)
        if self._model.config.lookup_from_codebook:
            decoded = self._model.decode(indices.flatten(), force_not_quantize=True, shape=shape).sample
        else:
            latents = self._model.quantize.get_codebook_entry(indices.flatten(), shape)
            decoded = self._model.decode(latents, force_not_quantize=True).sample
        return to_pixels(functional.pixel_shuffle(decoded, self._unshuffle))


def downsample_of(config: dict[str, Any], path: str) -> int:
    """Return the pixels per token along each side, from the config of a VQModel.

    Raises:
        Refusal: The config is not that of a VQModel for RGB images.
    """
    if config.get("_class_name") != "VQModel":
        raise Refusal(
            f"{path}: is a {config.get('_class_name', 'model without a class name')}, not a diffusers "
            "VQModel. For a VQ model of transformers use `kind: transformers`."
        )
    channels = config.get("in_channels", 3)
    factor = math.isqrt(channels // 3)
    if channels != 3 * factor**2 or config.get("out_channels", 3) != channels:
        raise Refusal(
            f"{path}: has {channels} input and {config.get('out_channels', 3)} output channels, but RGB images "
            "need 3·r² of both. Use another model."
        )
    return factor * int(2 ** (len(config.get("block_out_channels", [64])) - 1))


def to_signed(pixels: Pixels) -> torch.Tensor:
    """Convert (batch, h, w, 3) uint8 to (batch, 3, h, w) float in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def to_pixels(signed: torch.Tensor) -> Pixels:
    """Convert (batch, 3, h, w) floats in about -1..1 to (batch, h, w, 3) uint8, rounded."""
    bytes_ = signed.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return np.asarray(bytes_.permute(0, 2, 3, 1).contiguous().cpu().numpy(), np.uint8)
