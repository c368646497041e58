"""Image tokenizer over the VQ models of transformers that have a decoder: Emu3VQVAE and JanusVQVAE."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers

from ...schemas.errors import Refusal
from ..claimed_sizes import require_claims_fit
from ..protocol import Codes, Pixels
from .diffusers_vq import to_pixels, to_signed
from .weights import find_model, load_whole

WEIGHTS = "model"
CLASSES = {"emu3_vqgan": "Emu3VQVAE", "janus_vqgan": "JanusVQVAE"}


class TransformersVq:
    """An ImageTokenizer over Emu3VQVAE or JanusVQVAE, from a local folder or a hub name.

    The folder is that of the VQ model (`model.vqmodel.save_pretrained`), not that of the language model around it.

    Raises:
        Refusal: Files are missing or not safetensors, the model has no decoder, or it does not support `side`.
    """

    def __init__(self, path: str, *, side: int) -> None:
        files = find_model(path, WEIGHTS)
        kind = files.config.get("model_type")
        if kind not in CLASSES:
            raise Refusal(
                f"{path}: is a model of type `{kind}`, which is not a VQ model or has no decoder to images. "
                f"Supported are: {', '.join(f'{name} ({key})' for key, name in CLASSES.items())}."
            )
        library: Any = getattr(transformers, CLASSES[kind])
        require_claims_fit(
            path, files.config, files.weights, lambda: library(library.config_class.from_dict(files.config))
        )
        options = {"use_safetensors": True, "trust_remote_code": False, "dtype": torch.float32}
        model = load_whole(
            path,
            lambda: library.from_pretrained(files.folder, local_files_only=True, output_loading_info=True, **options),
        )
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = model.to(self._device).eval()
        self._emu3 = kind == "emu3_vqgan"
        self.downsample = 2 ** (len(model.config.channel_multiplier) - 1)
        self._check_side(path, side)
        self.fingerprint = files.fingerprint("transformers", side)
        self.size = int(model.config.codebook_size if self._emu3 else model.config.num_embeddings)
        self.pixels = side
        self.tokens = (side // self.downsample) ** 2

    def _check_side(self, path: str, side: int) -> None:
        if not self._emu3 and side != self._model.config.num_patches * self.downsample:
            fits = self._model.config.num_patches * self.downsample
            raise Refusal(
                f"{path}: this JanusVQVAE decodes {fits}x{fits} pixels only, not `size: {side}`. Set `size: {fits}`."
            )
        if side % self.downsample:
            raise Refusal(
                f"{path}: makes one token of {self.downsample}x{self.downsample} pixels, and `size: {side}` is not a "
                f"multiple of it. Set `size` to {max(1, side // self.downsample) * self.downsample}."
            )

    @torch.inference_mode()
    def encode(self, pixels: Pixels) -> Codes:
        """Encode (batch, side, side, 3) RGB images to (batch, tokens) codes, row-major."""
        x = to_signed(pixels).to(self._device)
        if self._emu3:
            sizes = torch.tensor([[self.pixels, self.pixels]] * len(x))
            indices = torch.stack(self._model.encode(x, image_sizes=sizes).image_tokens)
        else:
            indices = self._model.encode(x).image_tokens
        return np.asarray(indices.reshape(len(x), -1).cpu().numpy(), np.uint32)

    @torch.inference_mode()
    def decode(self, codes: npt.ArrayLike) -> Pixels:
        """Decode (batch, tokens) codes to (batch, side, side, 3) RGB images."""
        indices = torch.from_numpy(np.asarray(codes, np.int64)).to(self._device)
        if self._emu3:
            indices = indices.view(len(indices), math.isqrt(self.tokens), -1)
        return to_pixels(self._model.decode(indices))
