"""The samples are the key, whatever holds them."""

from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.dedup.audio.exact import audio_keys


def file_of(samples: np.ndarray, rate: int, container: str = "WAV", subtype: str = "PCM_16") -> bytes:
    sink = BytesIO()
    soundfile.write(sink, samples, rate, format=container, subtype=subtype)
    return sink.getvalue()


def keys_of(*clips: bytes | None, max_seconds: float = 10.0) -> tuple[list[bytes | None], list[int]]:
    keys, sizes = audio_keys(pa.chunked_array([clips[:1], clips[1:]], pa.binary()), max_seconds)
    assert keys.type == pa.binary(16)
    return keys.to_pylist(), sizes.to_pylist()


@given(st.lists(st.integers(-(1 << 15), (1 << 15) - 1), min_size=400, max_size=500), st.sampled_from([8000, 16000]))
def test_containers_have_no_say_and_every_sample_has(values: list[int], rate: int) -> None:
    samples = np.array(values, np.int16)
    changed = samples.copy()
    changed[200] ^= 1 << 12
    wav, flac, caf, other = (
        file_of(wave, rate, container)
        for wave, container in ((samples, "WAV"), (samples, "FLAC"), (samples, "CAF"), (changed, "WAV"))
    )
    keys, sizes = keys_of(wav, flac, caf, other)
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert sizes == [len(values) * 16000 // rate] * 4


def test_two_equal_channels_are_as_one_and_depth_beyond_16_bits_has_no_say() -> None:
    wave = np.random.default_rng(0).integers(-(1 << 15), 1 << 15, 1600, np.int16)
    stereo = np.stack([wave, wave], axis=1)
    finer = wave / 32768 + np.where(wave < 32767, 0.4 / 32768, 0)
    clips = file_of(wave, 16000), file_of(stereo, 16000), file_of(finer, 16000, subtype="FLOAT")
    keys, _ = keys_of(*clips)
    assert keys[0] == keys[1] == keys[2] is not None


@pytest.mark.parametrize("bad", [None, b"", b"no clip", file_of(np.zeros(0), 8000), file_of(np.zeros(100_000), 8000)])
def test_what_does_not_decode_within_limits_has_no_key(bad: bytes | None) -> None:
    good = file_of(np.zeros(800), 8000)
    keys, sizes = keys_of(good, bad, good)
    assert keys[1] is None
    assert keys[0] == keys[2] is not None
    assert sizes == [1600, 0, 1600]
