"""Any file libsndfile reads becomes a mono wave at the asked rate; anything else has a reason."""

from io import BytesIO

import numpy as np
import pytest
import soundfile

from triptych.tokenizers.audio.decode_clip import BadClip, duration_of, resample, wave_of


def file_of(samples: np.ndarray, rate: int, container: str = "WAV", subtype: str | None = None) -> bytes:
    stream = BytesIO()
    soundfile.write(stream, samples, rate, format=container, subtype=subtype)
    return stream.getvalue()


def tone(rate: int, seconds: float = 0.5, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def reason_of(data: bytes, max_seconds: float = 10.0) -> str:
    with pytest.raises(BadClip) as caught:
        wave_of(data, 16000, max_seconds)
    assert caught.value.reason in BadClip.REASONS
    assert caught.value.detail
    return caught.value.reason


@pytest.mark.parametrize(
    ("container", "subtype", "tolerance"),
    [
        ("WAV", "PCM_16", 1e-3),
        ("FLAC", "PCM_16", 1e-3),
        ("OGG", "VORBIS", 0.1),
        ("OGG", "OPUS", 0.1),
        ("MP3", None, 0.1),
    ],
)
@pytest.mark.parametrize("rate", [8000, 48000])
def test_every_format_decodes_to_the_same_tone(
    container: str, subtype: str | None, tolerance: float, rate: int
) -> None:
    data = file_of(tone(rate), rate, container, subtype)
    wave = wave_of(data, 16000, 10.0)
    assert wave.dtype == np.float32
    assert duration_of(data)[1] == rate
    assert abs(len(wave) - 8000) <= 1600  # MP3 pads with whole frames
    middle = wave[2000:6000]
    times = np.arange(2000, 6000) / 16000
    basis = np.stack([np.sin(2 * np.pi * 440 * times), np.cos(2 * np.pi * 440 * times)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, middle, rcond=None)
    assert np.hypot(*fit) == pytest.approx(0.5, abs=0.02)
    assert np.abs(middle - basis @ fit).max() < tolerance


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 44101, 48000, 96000])
def test_any_rate_gives_the_asked_number_of_samples(rate: int) -> None:
    for to in (16000, 24000):
        wave = wave_of(file_of(tone(rate), rate), to, 10.0)
        assert abs(len(wave) - to / 2) <= 2


def test_a_rate_with_no_common_divisor_keeps_the_pitch() -> None:
    wave = resample(tone(44101, 1.0), 44101, 16000)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    assert np.argmax(spectrum) == pytest.approx(440 * len(wave) / 16000, abs=1)


def test_stereo_is_averaged() -> None:
    left, right = tone(16000), np.zeros(8000, np.float32)
    wave = wave_of(file_of(np.stack([left, right], axis=1), 16000), 16000, 10.0)
    assert np.abs(wave - left / 2).max() < 1e-4


def test_duration_is_read_from_the_header() -> None:
    assert duration_of(file_of(tone(8000), 8000, "FLAC")) == (4000, 8000)
    with pytest.raises(BadClip, match="audio_undecodable"):
        duration_of(b"no clip")


def test_no_samples() -> None:
    assert reason_of(file_of(np.empty(0, np.float32), 16000)) == "audio_empty"


def test_one_sample_is_too_short_and_one_frame_is_not() -> None:
    assert reason_of(file_of(tone(16000)[:1], 16000)) == "audio_too_short"
    assert len(wave_of(file_of(tone(16000)[:320], 16000), 16000, 10.0)) == 320


def test_too_long() -> None:
    data = file_of(tone(8000, 2.0), 8000)
    assert reason_of(data, max_seconds=1.99) == "audio_too_long"
    assert len(wave_of(data, 8000, 2.0)) == 16000


@pytest.mark.parametrize("data", [b"", b"\0", b"RIFF", b"RIFF\x24\0\0\0WAVEfmt ", b"not audio at all" * 100])
def test_garbage(data: bytes) -> None:
    assert reason_of(data) == "audio_undecodable"


def test_random_bytes_never_do_worse_than_a_reason() -> None:
    random = np.random.default_rng(0)
    for start in (b"", b"fLaC", b"OggS", b"ID3\x04", b"\xff\xfb\x90\x64", b"RIFF"):
        for _ in range(20):
            try:
                wave = wave_of(start + random.bytes(2000), 16000, 10.0)
            except BadClip:
                continue
            assert np.isfinite(wave).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers(bad: float) -> None:
    samples = tone(16000)
    samples[100] = bad
    assert reason_of(file_of(samples, 16000, "WAV", "FLOAT")) == "audio_not_finite"


def test_float_files_beyond_full_scale_are_clipped() -> None:
    wave = wave_of(file_of(tone(16000) * 4, 16000, "WAV", "FLOAT"), 16000, 10.0)
    assert wave.max() == 1
    assert wave.min() == -1


@pytest.mark.parametrize("container", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "W64", "RF64"])
def test_a_file_that_was_cut_off_is_named_so(container: str) -> None:
    data = file_of(tone(16000, 2.0), 16000, container)
    assert reason_of(data[: len(data) // 2]) in ("audio_incomplete", "audio_undecodable")


def test_a_header_that_announces_hours_costs_no_memory() -> None:
    data = bytearray(file_of(tone(16000), 16000, "FLAC"))
    # STREAMINFO: the low 36 bits of bytes 18..25 count the samples
    data[21] |= 0x0F
    data[22:26] = b"\xff\xff\xff\xff"
    assert reason_of(bytes(data)) == "audio_incomplete"
