"""Pretrained neural codecs of transformers: EnCodec, DAC, Mimi, X-codec, HiggsAudioV2; from a folder or hub name.

Clips are encoded one by one, since padding to the longest clip of a batch would change the codes at their ends.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoConfig, AutoModel

from ...schemas.errors import Refusal, brief
from ..claimed_sizes import require_claims_fit
from ..image.weights import find_model
from ..protocol import Codes, Wave


class _Family(NamedTuple):
    """How one model type is called.

    `encode` maps (1, 1, samples) to (levels, frames), and `decode` maps (levels, frames) to (samples,).
    """

    levels: Callable[[Any], int]
    encode: Callable[[Any, Tensor], Tensor]
    decode: Callable[[Any, Tensor], Tensor]
    whole_hops: bool  # True when the library's feature extractor pads the last hop with zeros


def _max_bandwidth(model: Any) -> float:
    bandwidth: float = max(model.config.target_bandwidths)
    return bandwidth


def _bandwidth_levels(model: Any) -> int:
    levels: int = model.quantizer.get_num_quantizers_for_bandwidth(_max_bandwidth(model))
    return levels


_ENCODEC = _Family(
    levels=_bandwidth_levels,
    encode=lambda model, wave: model.encode(wave, bandwidth=_max_bandwidth(model)).audio_codes[0, 0],
    decode=lambda model, codes: model.decode(codes[None, None], [None]).audio_values[0, 0],
    whole_hops=False,
)
_DAC = _Family(
    levels=lambda model: int(model.config.n_codebooks),
    encode=lambda model, wave: model.encode(wave).audio_codes[0],
    decode=lambda model, codes: model.decode(audio_codes=codes[None]).audio_values[0],
    whole_hops=True,
)
_MIMI = _Family(
    levels=lambda model: int(model.config.num_quantizers),
    encode=lambda model, wave: model.encode(wave, num_quantizers=model.config.num_quantizers).audio_codes[0],
    decode=lambda model, codes: model.decode(codes[None]).audio_values[0, 0],
    whole_hops=False,
)
_XCODEC = _Family(
    levels=_bandwidth_levels,
    encode=lambda model, wave: model.encode(wave, bandwidth=_max_bandwidth(model)).audio_codes[0],
    decode=lambda model, codes: model.decode(codes[None]).audio_values[0, 0],
    whole_hops=True,
)
FAMILIES = {
    "encodec": _ENCODEC,
    "dac": _DAC,
    "mimi": _MIMI,
    "xcodec": _XCODEC,
    "higgs_audio_v2_tokenizer": _XCODEC,
}

# exceptions that from_pretrained is known to raise on damaged or mislabelled files
BROKEN: tuple[type[Exception], ...] = (OSError, ValueError, TypeError, LookupError, AttributeError, ImportError)
BROKEN += (RuntimeError, SafetensorError, StrictDataclassError)


class TransformersCodec:
    """An AudioTokenizer over the first `levels` codebooks of a pretrained codec (default all).

    Residual codebooks are nested: with fewer levels the sound is coarser, but the remaining codes are the same. Runs on
    a GPU if there is one, in full precision.

    Raises:
        Refusal: The model has another type, its weights are pickled or incomplete, it has fewer levels, or its codes
            are not enough to decode (EnCodec 48 kHz: stereo, chunked, with a scale for each chunk).
    """

    def __init__(self, path: str, *, levels: int | None = None) -> None:
        files = find_model(path, "model")
        kind = files.config.get("model_type")
        if kind not in FAMILIES:
            raise Refusal(
                f"{path}: model_type {kind!r} is not a supported audio codec. Use one of {', '.join(FAMILIES)}."
            )
        self._family = FAMILIES[kind]
        require_claims_fit(
            path,
            files.config,
            files.weights,
            lambda: AutoModel.from_config(  # type: ignore[no-untyped-call]
                AutoConfig.for_model(**files.config), trust_remote_code=False
            ),
        )
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = _load(path, str(files.folder)).eval().to(self._device)
        config = self._model.config
        if getattr(config, "normalize", False) or getattr(config, "audio_channels", 1) != 1:
            raise Refusal(
                f"{path}: needs stereo, or scales in addition to its codes. Use a mono codec, such as EnCodec 24 kHz."
            )
        available = self._family.levels(self._model)
        if levels is not None and not 1 <= levels <= available:
            raise Refusal(f"{path}: `levels: {levels}`, but this codec has {available}. Give 1 to {available}.")
        self._levels = levels or available
        self.sizes = (int(config.codebook_size),) * self._levels
        self.sample_rate = int(config.sample_rate if hasattr(config, "sample_rate") else config.sampling_rate)
        self._hop = _hop(config, self.sample_rate)
        self.frame_rate = self.sample_rate / self._hop
        self.fingerprint = files.fingerprint("transformers-audio", self._levels)

    def encode(self, waves: Sequence[Wave]) -> list[Codes]:
        """Encode waves in -1..1 at `sample_rate`, of any length >= 1, to (frames, levels) codes each."""
        return [self._encode(wave) for wave in waves]

    def decode(self, codes: npt.ArrayLike) -> Wave:
        """Decode (frames, levels) codes to about frames * sample_rate / frame_rate samples."""
        indices = torch.from_numpy(np.asarray(codes).astype(np.int64).T.copy())
        if not indices.shape[1]:
            return np.empty(0, np.float32)
        with torch.inference_mode(), _deterministic():
            wave: Wave = self._family.decode(self._model, indices.to(self._device)).clamp(-1, 1).cpu().numpy()
        return wave

    def _encode(self, wave: Wave) -> Codes:
        samples = torch.from_numpy(np.asarray(wave, np.float32))
        if self._family.whole_hops:
            samples = torch.nn.functional.pad(samples, (0, -len(samples) % self._hop))
        with torch.inference_mode(), _deterministic():
            codes = self._family.encode(self._model, samples[None, None].to(self._device))
        return codes[: self._levels].T.cpu().numpy().astype(np.uint32)


def _hop(config: Any, sample_rate: int) -> int:
    # the hop_length in some Mimi configs is that of the inner encoder
    return round(sample_rate / config.frame_rate) if config.model_type == "mimi" else int(config.hop_length)


def _deterministic() -> Any:
    """Use full float32 and deterministic kernels on a GPU; no effect on a CPU."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def _load(path: str, folder: str) -> Any:
    try:
        model, info = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except BROKEN as error:
        why = brief(error)
        raise Refusal(f"{path}: transformers cannot load this codec ({type(error).__name__}: {why}).") from None
    missing = sorted([*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])])
    if missing:
        # transformers would initialise them randomly and continue
        raise Refusal(
            f"{path}: {len(missing)} weights are missing or misshapen ({missing[0]} …). Copy the model again."
        )
    return model
