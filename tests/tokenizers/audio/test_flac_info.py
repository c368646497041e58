"""A FLAC file that ends between two frames is dropped by name, also where it does not announce its length."""

import io

import av
import numpy as np
import pytest
import soundfile

from triptych.tokenizers.audio.decode_clip import BadClip, wave_of
from triptych.tokenizers.audio.flac_info import verified

RATE = 44100


def flac(subtype: str = "PCM_16", channels: int = 1, seconds: float = 1.0) -> bytes:
    noise = np.random.default_rng(0).uniform(-1, 1, (int(RATE * seconds), channels))
    out = io.BytesIO()
    soundfile.write(out, noise, RATE, format="FLAC", subtype=subtype)
    return out.getvalue()


def without_length(data: bytes) -> bytes:
    return data[:21] + bytes([data[21] & 0xF0]) + bytes(4) + data[26:]


def without_last_frame(data: bytes) -> bytes:
    """Cut before the last frame, which is shorter than the slack of other formats."""
    with av.open(io.BytesIO(data), "r") as container:
        sizes = [packet.size for packet in container.demux(audio=0)]
    return data[: len(data) - [size for size in sizes if size][-1]]


def reason_of(data: bytes) -> str:
    with pytest.raises(BadClip) as caught:
        wave_of(data, RATE, 60.0)
    return caught.value.reason


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_whole_files_of_every_depth_are_read(subtype: str, channels: int) -> None:
    data = flac(subtype, channels)
    assert len(wave_of(data, RATE, 2.0)) == RATE
    np.testing.assert_array_equal(wave_of(without_length(data), RATE, 2.0), wave_of(data, RATE, 2.0))


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_a_cut_between_two_frames_is_incomplete(subtype: str) -> None:
    cut = without_last_frame(flac(subtype))
    assert reason_of(cut) in ("audio_undecodable", "audio_incomplete")
    assert reason_of(without_length(cut)) == "audio_incomplete"
    told_nothing = without_length(cut)[:26] + bytes(16) + cut[42:]
    assert 0.8 * RATE < len(wave_of(told_nothing, RATE, 2.0)) < RATE  # no decoder can tell


def test_samples_of_another_sum_do_not_count_as_decoded() -> None:
    data = flac()
    assert reason_of(data[:26] + bytes([data[26] ^ 1]) + data[27:]) == "audio_undecodable"


def test_other_files_pass_as_they_are() -> None:
    blocks = [np.zeros((3, 1), np.float32)]
    with pytest.raises(BadClip, match=r"audio_incomplete: 0.00 s of sound, but the file announces 1.00 s"):
        list(verified(flac(), iter(blocks)))
    assert list(verified(b"RIFF", iter(blocks))) == list(verified(b"fLaC", iter(blocks))) == blocks
