"""The tokenizer that a run trains: same bytes from the same arguments, and a round trip that keeps the sound."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from triptych.schemas.config.tokenizers import RvqConfig
from triptych.schemas.errors import Refusal
from triptych.tokenizers.audio.report import audio_report
from triptych.tokenizers.audio.rvq import RvqCodec, nearest, quantize, reconstruct
from triptych.tokenizers.audio.rvq_train import train_rvq
from triptych.tokenizers.protocol import AudioTokenizer, Wave


def voice(seed: int, seconds: float, rate: int = 16000) -> Wave:
    """A gliding pitch with overtones, swelling and fading: something with bands and time in it."""
    random = np.random.default_rng(seed)
    times = np.arange(int(seconds * rate)) / rate
    pitch = 120 + 60 * np.sin(2 * np.pi * random.uniform(0.3, 2) * times + random.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    tones = sum(np.sin(n * phase) * random.uniform(0.1, 1) / n for n in range(1, 20))
    swell = 0.1 + np.sin(2 * np.pi * random.uniform(1, 4) * times) ** 2
    return (0.1 * swell * tones + 0.002 * random.standard_normal(len(times))).astype(np.float32)


def files_of(waves: Sequence[Wave], config: RvqConfig, folder: Path, seed: int = 0) -> dict[str, bytes]:
    train_rvq(waves, config, folder, seed=seed, threads=1)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four voices, 20 steps: what a quick try trains."""
    path = tmp_path_factory.mktemp("rvq")
    waves = [voice(seed, 2.0) for seed in range(4)]
    train_rvq(waves, RvqConfig(levels=3, codes=64, steps=20), path, seed=0, threads=1)
    return path


@pytest.fixture(scope="module")
def codec(folder: Path) -> RvqCodec:
    return RvqCodec(str(folder))


def test_same_arguments_same_bytes(tmp_path: Path) -> None:
    waves, config = [voice(0, 0.5), voice(1, 0.3)], RvqConfig(levels=2, codes=8, steps=2)
    first = files_of(waves, config, tmp_path / "first")
    assert sorted(first) == ["config.json", "model.safetensors"]
    assert files_of(waves, config, tmp_path / "second") == first
    other_seed = files_of(waves, config, tmp_path / "third", seed=1)
    other_waves = files_of(waves[:1], config, tmp_path / "fourth")
    assert len({files["model.safetensors"] for files in (first, other_seed, other_waves)}) == 3


def test_training_leaves_random_state_and_threads_alone(tmp_path: Path) -> None:
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    reports: list[tuple[int, int]] = []
    config = RvqConfig(levels=1, codes=2, steps=2)
    train_rvq([voice(0, 0.2)], config, tmp_path, seed=5, threads=1, report=lambda *step: reports.append(step))
    after = torch.get_num_threads()
    torch.set_num_threads(threads)
    assert after == threads + 1
    assert torch.equal(torch.random.get_rng_state(), before)
    done, totals = zip(*reports, strict=True)
    assert done == tuple(range(1, totals[0] + 1))
    assert set(totals) == {len(reports)}


@pytest.mark.parametrize(
    ("samples", "config"),
    [
        ([1], RvqConfig(levels=1, codes=2, steps=1)),
        ([300], RvqConfig(levels=16, codes=1024, steps=1)),
        ([0, 5000, 700], RvqConfig(levels=2, codes=3, steps=1)),
        ([9000], RvqConfig(levels=2, codes=70, steps=1, sample_rate=24000)),
        ([5000], RvqConfig(levels=1, codes=65536, steps=1)),
    ],
)
def test_few_frames_and_many_codes(tmp_path: Path, samples: list[int], config: RvqConfig) -> None:
    train_rvq([voice(0, 1.0)[:n] for n in samples], config, tmp_path, seed=0, threads=1)
    codec = RvqCodec(str(tmp_path))
    assert codec.sizes == (config.codes,) * config.levels
    assert codec.sample_rate == config.sample_rate
    wave = voice(1, 0.1)
    (codes,) = codec.encode([wave])
    assert codes.shape == (-(-len(wave) // (config.sample_rate // 50)), config.levels)
    assert codes.max() < config.codes
    assert np.isfinite(codec.decode(codes)).all()


def test_nothing_to_train_on(tmp_path: Path) -> None:
    for waves in ([], [np.empty(0, np.float32)]):
        with pytest.raises(Refusal, match="no clip"):
            train_rvq(waves, RvqConfig(steps=1), tmp_path, seed=0, threads=1)


def test_it_is_an_audio_tokenizer(codec: RvqCodec) -> None:
    tokenizer: AudioTokenizer = codec
    assert tokenizer.sizes == (64, 64, 64)
    assert (tokenizer.sample_rate, tokenizer.frame_rate) == (16000, 50.0)


@pytest.mark.parametrize("samples", [1, 2, 319, 320, 321, 640, 641, 16000])
def test_frames_are_whole_and_cover_the_wave(codec: RvqCodec, samples: int) -> None:
    (codes,) = codec.encode([voice(9, 1.0)[:samples]])
    assert codes.dtype == np.uint32
    assert codes.shape == (-(-samples // 320), 3)
    out = codec.decode(codes)
    assert out.dtype == np.float32
    assert len(out) == len(codes) * 320
    assert np.abs(out).max() <= 1


def test_no_frames_decode_to_no_samples(codec: RvqCodec) -> None:
    assert codec.decode(np.empty((0, 3), np.uint32)).shape == (0,)


def test_codes_do_not_depend_on_company(codec: RvqCodec) -> None:
    waves = [voice(seed, 0.3 + 0.4 * seed) for seed in range(5)]
    together = codec.encode(waves)
    for wave, codes in zip(waves, together, strict=True):
        assert np.array_equal(codec.encode([wave])[0], codes)


def test_decoding_is_a_function_and_spares_the_random_state(codec: RvqCodec) -> None:
    (codes,) = codec.encode([voice(7, 0.5)])
    first, state = codec.decode(codes), torch.random.get_rng_state()
    torch.manual_seed(99)
    second = codec.decode(codes.astype(np.int64).tolist())
    torch.random.set_rng_state(state)
    assert np.array_equal(first, second)


def test_a_voice_survives(codec: RvqCodec) -> None:
    waves = [voice(seed, 2.0) for seed in range(4)]
    figures = audio_report(codec, waves)
    assert figures["log_mel_distance"] < 4
    unlike = audio_report(codec, [np.random.default_rng(0).uniform(-1, 1, 16000).astype(np.float32)])
    assert unlike["log_mel_distance"] > 2 * figures["log_mel_distance"]


def test_the_sound_stays_where_it_was(codec: RvqCodec) -> None:
    wave = voice(2, 2.0)
    wave[: len(wave) // 2] = 0
    out = codec.decode(codec.encode([wave])[0])
    energy = (out**2).reshape(-1, 320).mean(axis=1)
    assert energy[52:].mean() > 20 * energy[:48].mean()


def test_more_levels_are_nearer() -> None:
    random = torch.Generator().manual_seed(0)
    frames = torch.randn(500, 8, generator=random)
    codebooks = torch.stack([torch.randn(32, 8, generator=random) * 0.6**level for level in range(4)])
    errors = [
        (frames - reconstruct(quantize(frames, codebooks[:n]), codebooks[:n])).square().mean() for n in range(1, 5)
    ]
    assert errors == sorted(errors, reverse=True)


def test_nearest_is_the_nearest() -> None:
    random = torch.Generator().manual_seed(0)
    points, codebook = torch.randn(300, 5, generator=random), torch.randn(40, 5, generator=random)
    assert torch.equal(nearest(points, codebook), torch.cdist(points.double(), codebook.double()).argmin(1))
    assert nearest(points, codebook[:1].repeat(3, 1)).eq(0).all()


def test_fingerprint_is_of_content_not_of_place(folder: Path, codec: RvqCodec, tmp_path: Path) -> None:
    def copy(name: str) -> Path:
        target = tmp_path / name
        target.mkdir()
        for file in folder.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
        return target

    assert RvqCodec(str(copy("same"))).fingerprint == codec.fingerprint
    assert RvqCodec((copy("url")).as_uri()).fingerprint == codec.fingerprint
    weights, settings = copy("weights"), copy("settings")
    tensors = load_file(weights / "model.safetensors")
    tensors["mean"][0] += 1e-3
    save_file(tensors, weights / "model.safetensors")
    text = (settings / "config.json").read_text()
    (settings / "config.json").write_text(text.replace("16000", "24000"))
    assert len({codec.fingerprint, *(RvqCodec(str(path)).fingerprint for path in (weights, settings))}) == 3


@pytest.mark.parametrize("broken", ["missing", "config.json", "model.safetensors"])
def test_what_is_no_tokenizer_is_refused(folder: Path, tmp_path: Path, broken: str) -> None:
    if broken != "missing":
        for file in folder.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes()[: 40 if file.name == broken else None])
    with pytest.raises(Refusal, match="tokenizer train audio"):
        RvqCodec(str(tmp_path))


def test_a_sample_rate_that_no_training_gives_is_refused(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings | {"sample_rate": 1}))
    with pytest.raises(Refusal, match="sample_rate"):
        RvqCodec(str(tmp_path))
