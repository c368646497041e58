"""Each family of codecs, small and random, saved as its library saves it: our codes are the library's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    DacConfig,
    DacFeatureExtractor,
    DacModel,
    EncodecConfig,
    EncodecFeatureExtractor,
    EncodecModel,
    HiggsAudioV2TokenizerConfig,
    HiggsAudioV2TokenizerModel,
    MimiConfig,
    MimiModel,
    XcodecConfig,
    XcodecModel,
)

from benchmarks import small_codecs
from triptych.schemas.errors import Refusal
from triptych.tokenizers.audio.transformers_codec import FAMILIES, TransformersCodec
from triptych.tokenizers.protocol import AudioTokenizer, Wave


def encodec(**changes: Any) -> EncodecModel:
    return EncodecModel(EncodecConfig(**(small_codecs.ENCODEC | {"target_bandwidths": [1.5, 3.0]} | changes)))


def dac() -> DacModel:
    return DacModel(DacConfig(**small_codecs.DAC, downsampling_ratios=[2, 4, 8, 5]))


def mimi() -> MimiModel:
    heads: dict[str, Any] = {
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "intermediate_size": 32,
    }
    sizes: dict[str, Any] = {
        "num_filters": 4,
        "hidden_size": 32,
        "upsample_groups": 32,
        "num_hidden_layers": 1,
        "codebook_size": 64,
    }
    quantizer: dict[str, Any] = {"codebook_dim": 16, "vector_quantization_hidden_dimension": 16, "num_quantizers": 4}
    return MimiModel(MimiConfig(**sizes, **heads, **quantizer))


def xcodec() -> XcodecModel:
    acoustic = small_codecs.acoustic(8, 5, 4, 2)
    parts: dict[str, Any] = {"semantic_model_config": small_codecs.HUBERT, "acoustic_model_config": acoustic}
    return XcodecModel(XcodecConfig(codebook_size=64, target_bandwidths=[0.6, 1.2], **parts))


def higgs() -> HiggsAudioV2TokenizerModel:
    return HiggsAudioV2TokenizerModel(HiggsAudioV2TokenizerConfig(**small_codecs.higgs()))


MODELS: dict[str, Callable[[], Any]] = {
    "encodec": encodec,
    "dac": dac,
    "mimi": mimi,
    "xcodec": xcodec,
    "higgs_audio_v2_tokenizer": higgs,
}
# type -> sample rate, frame rate, levels of the models above
FACTS = {
    "encodec": (24000, 75.0, 6),
    "dac": (16000, 50.0, 4),
    "mimi": (24000, 12.5, 4),
    "xcodec": (16000, 50.0, 4),
    "higgs_audio_v2_tokenizer": (24000, 25.0, 4),
}


def noise(samples: int, seed: int = 0) -> Wave:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, samples).astype(np.float32)


def with_random_codebooks(model: Any) -> Any:
    """Codebooks start as zeros in some families, and then every code would be 0."""
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if name.rsplit(".", 1)[-1] in ("embed", "embed_avg", "embed_sum"):
                tensor.normal_()
    return model.eval()


@pytest.fixture(scope="module", params=sorted(MODELS))
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any, Path]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = with_random_codebooks(MODELS[request.param]())
    folder = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(folder)
    return request.param, model, folder


def own_inputs(kind: str, wave: Wave) -> torch.Tensor:
    """What the feature extractor that the family is published with makes of a wave."""
    rate, frame_rate, _ = FACTS[kind]
    if kind in ("encodec", "mimi"):
        extractor: Any = EncodecFeatureExtractor(sampling_rate=rate)
    else:
        extractor = DacFeatureExtractor(sampling_rate=rate, hop_length=int(rate / frame_rate))
    inputs: torch.Tensor = extractor(wave, sampling_rate=rate, return_tensors="pt")["input_values"]
    return inputs


def test_every_family_is_tested() -> None:
    assert set(MODELS) == set(FAMILIES) == set(FACTS)


def test_codes_and_waves_are_the_library_s_own(saved: tuple[str, Any, Path]) -> None:
    kind, model, folder = saved
    codec: AudioTokenizer = TransformersCodec(str(folder))
    rate, frame_rate, levels = FACTS[kind]
    assert (codec.sample_rate, codec.frame_rate, codec.sizes) == (rate, frame_rate, (64,) * levels)
    wave = noise(rate // 2 + 123)
    options: dict[str, Any] = {"mimi": {"num_quantizers": levels}, "dac": {}}.get(
        kind, {"bandwidth": max(getattr(model.config, "target_bandwidths", [0]))}
    )
    with torch.inference_mode():
        theirs = model.encode(own_inputs(kind, wave), **options).audio_codes
        scales = ([None],) if kind == "encodec" else ()
        sound = (model.decode(audio_codes=theirs) if kind == "dac" else model.decode(theirs, *scales)).audio_values
    (ours,) = codec.encode([wave])
    assert ours.shape[1] == levels
    assert ours.dtype == np.uint32
    assert np.array_equal(ours.T, theirs.reshape(levels, -1).numpy())
    assert len(np.unique(ours)) > 4
    assert np.allclose(codec.decode(ours), sound.flatten().clamp(-1, 1).numpy(), atol=1e-6)
    assert abs(len(codec.decode(ours)) - len(ours) * rate / frame_rate) < rate / frame_rate


def test_codes_do_not_depend_on_company(saved: tuple[str, Any, Path]) -> None:
    codec = TransformersCodec(str(saved[2]))
    waves = [noise(n, seed) for seed, n in enumerate((5000, 12345, 800))]
    for wave, codes in zip(waves, codec.encode(waves), strict=True):
        assert np.array_equal(codec.encode([wave])[0], codes)


@pytest.mark.parametrize("samples", [1, 7, 100])
def test_less_than_a_frame_is_a_frame(saved: tuple[str, Any, Path], samples: int) -> None:
    codec = TransformersCodec(str(saved[2]))
    (codes,) = codec.encode([noise(samples)])
    assert codes.shape == (1, len(codec.sizes))
    assert np.isfinite(codec.decode(codes)).all()


def test_no_frames_decode_to_no_samples(saved: tuple[str, Any, Path]) -> None:
    codec = TransformersCodec(str(saved[2]), levels=2)
    assert codec.decode(np.empty((0, 2), np.uint32)).shape == (0,)


def test_fewer_levels_are_the_first_ones(saved: tuple[str, Any, Path]) -> None:
    kind, _, folder = saved
    whole, part = TransformersCodec(str(folder)), TransformersCodec(str(folder), levels=2)
    wave = noise(9000)
    assert part.sizes == (64, 64)
    assert np.array_equal(part.encode([wave])[0], whole.encode([wave])[0][:, :2])
    assert np.isfinite(part.decode(part.encode([wave])[0])).all()
    assert part.fingerprint != whole.fingerprint
    for levels in (0, FACTS[kind][2] + 1):
        with pytest.raises(Refusal, match=rf"levels: {levels}"):
            TransformersCodec(str(folder), levels=levels)


def test_fingerprint_covers_weights_and_config_not_path(saved: tuple[str, Any, Path], tmp_path: Path) -> None:
    _, _, folder = saved
    original = TransformersCodec(str(folder)).fingerprint

    def changed(name: str, weight: float = 0.0, **settings: Any) -> str:
        copy = tmp_path / name
        copy.mkdir()
        tensors = load_file(folder / "model.safetensors")
        first = min(key for key, tensor in tensors.items() if tensor.is_floating_point() and tensor.numel() > 4)
        tensors[first].view(-1)[0] += weight
        save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
        config = json.loads((folder / "config.json").read_text())
        (copy / "config.json").write_text(json.dumps(config | settings))
        return TransformersCodec(str(copy)).fingerprint

    assert changed("same") == original
    assert changed("saved_elsewhere", transformers_version="9.9.9") == original
    assert len({original, changed("weights", weight=0.5), changed("config", initializer_range=0.03)}) == 3


def test_missing_weights_are_refused_not_made_up(saved: tuple[str, Any, Path], tmp_path: Path) -> None:
    _, _, folder = saved
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    tensors = load_file(folder / "model.safetensors")
    gone = next(key for key in sorted(tensors) if key.startswith(("decoder", "acoustic_decoder")))
    save_file({key: tensor for key, tensor in tensors.items() if key != gone}, tmp_path / "model.safetensors")
    with pytest.raises(Refusal, match="missing"):
        TransformersCodec(str(tmp_path))


def test_pickles_are_refused(tmp_path: Path) -> None:
    model = dac()
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(Refusal, match="pickled"):
        TransformersCodec(str(tmp_path))


def test_codes_that_are_not_enough_are_refused(tmp_path: Path) -> None:
    model = encodec(audio_channels=2, normalize=True, chunk_length_s=1.0, overlap=0.01)
    model.save_pretrained(tmp_path)
    with pytest.raises(Refusal, match="stereo"):
        TransformersCodec(str(tmp_path))


def test_other_models_are_refused_before_their_weights_are_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(Refusal, match="bert"):
        TransformersCodec(str(tmp_path))
