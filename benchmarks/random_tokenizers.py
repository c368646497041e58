"""Pretrained tokenizers in their real sizes with random weights, saved as their libraries save them.

What they cost does not depend on the weights. Codebooks that libraries leave at zero until training are drawn as well,
so that codes differ.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import VQModel
from transformers import (
    DacConfig,
    DacModel,
    EncodecConfig,
    EncodecModel,
    HiggsAudioV2TokenizerConfig,
    HiggsAudioV2TokenizerModel,
)

from triptych.tokenizers.audio.transformers_codec import TransformersCodec
from triptych.tokenizers.image.diffusers_vq import DiffusersVq

from . import small_codecs

# The MoVQGAN of Kandinsky 2.2 (kandinsky-community/kandinsky-2-2-decoder, movq/config.json): 8 pixels a token.
MOVQ: dict[str, Any] = {
    "block_out_channels": (128, 256, 256, 512),
    "down_block_types": (*("DownEncoderBlock2D",) * 3, "AttnDownEncoderBlock2D"),
    "up_block_types": ("AttnUpDecoderBlock2D", *("UpDecoderBlock2D",) * 3),
    "layers_per_block": 2,
    "latent_channels": 4,
    "norm_type": "spatial",
    "num_vq_embeddings": 16_384,
    "vq_embed_dim": 4,
}
SMALL_VQ: dict[str, Any] = {"block_out_channels": (32,), "in_channels": 192, "out_channels": 192, "latent_channels": 4}


def image_tokenizer(folder: Path, side: int, *, tiny: bool) -> DiffusersVq:
    """The VQ model."""
    torch.manual_seed(0)
    library: Any = VQModel
    model = library(**(SMALL_VQ | {"num_vq_embeddings": 64} if tiny else MOVQ))
    with torch.no_grad():
        model.quantize.embedding.weight.normal_()
    model.save_pretrained(folder, safe_serialization=True)
    return DiffusersVq(str(folder), side=side)


def _encodec(tiny: bool) -> Any:
    return EncodecModel(EncodecConfig(**(small_codecs.ENCODEC if tiny else {})))


def _dac(tiny: bool) -> Any:
    real: dict[str, Any] = {"sampling_rate": 24_000, "n_codebooks": 32, "downsampling_ratios": [2, 4, 5, 8]}
    return DacModel(DacConfig(**(real | (small_codecs.DAC if tiny else {}))))


def _higgs(tiny: bool) -> Any:
    return HiggsAudioV2TokenizerModel(HiggsAudioV2TokenizerConfig(**(small_codecs.higgs() if tiny else {})))


CODECS: dict[str, Callable[[bool], Any]] = {"higgs-audio-v2": _higgs, "encodec": _encodec, "dac": _dac}


def audio_tokenizer(name: str, folder: Path, *, tiny: bool) -> TransformersCodec:
    """One of CODECS."""
    torch.manual_seed(0)
    model = CODECS[name](tiny)
    with torch.no_grad():
        for label, buffer in model.named_buffers():
            if label.rpartition(".")[2] == "embed":
                buffer.normal_()
    model.save_pretrained(folder, safe_serialization=True)
    return TransformersCodec(str(folder))
