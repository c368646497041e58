"""What decodes decides: a clip is read whole, whatever its header says, or it is dropped by name."""

import io
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from triptych.tokenizers.audio.containers import repaired
from triptych.tokenizers.audio.decode_clip import BadClip, duration_of, wave_of
from triptych.tokenizers.audio.mp3_frames import mp3_frame_bytes

RATE = 16000


def tone(seconds: float, rate: int = RATE, loud: float = 0.3) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(int(rate * seconds))
    wave = np.sin(2 * np.pi * 440 * np.arange(len(noise)) / rate)
    return (loud * (wave + 0.1 * noise)).astype(np.float32)


def by_soundfile(samples: np.ndarray, kind: str, subtype: str | None = None, rate: int = RATE) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format=kind, subtype=subtype)
    return stream.getvalue()


def by_ffmpeg(samples: np.ndarray, kind: str, codec: str, rate: int = RATE, **options: str) -> bytes:
    stream = io.BytesIO()
    with av.open(stream, "w", format=kind, options=options) as container:
        out: Any = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        resampler = av.AudioResampler(format=out.codec_context.format, layout="mono", rate=rate)
        for part in resampler.resample(frame):
            container.mux(out.encode(part))
        container.mux(out.encode(None))
    return stream.getvalue()


def seconds_of(data: bytes) -> float:
    """Decoded length, which must agree with what is measured without decoding."""
    seconds = len(wave_of(data, RATE, 60.0)) / RATE
    frames, rate = duration_of(data)
    assert frames / rate == pytest.approx(seconds, abs=0.1)
    return seconds


def reason_of(data: bytes) -> str:
    with pytest.raises(BadClip) as caught:
        wave_of(data, RATE, 60.0)
    assert "0x" not in caught.value.detail
    return caught.value.reason


def with_word(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


def without_first_frame(mp3: bytes) -> bytes:
    """An MP3 without the frame that counts its frames."""
    assert b"Info" in mp3[:64] or b"Xing" in mp3[:64]
    return mp3[mp3_frame_bytes(mp3[:4]) :]


QUIET_FIRST = np.r_[np.zeros(RATE, np.float32), tone(3.0)]
LOUD_FIRST = QUIET_FIRST[::-1].copy()
ID3 = b"ID3\x03\0\0\0\0\x07\x76" + bytes(1014)


@pytest.mark.parametrize("samples", [QUIET_FIRST, LOUD_FIRST])
def test_an_mp3_that_does_not_count_its_frames(samples: np.ndarray) -> None:
    data = without_first_frame(by_soundfile(samples, "MP3"))
    assert seconds_of(data) == pytest.approx(4.0, abs=0.2)
    assert reason_of(data[: len(data) // 2]) == "audio_incomplete"


def test_an_mp3_that_counts_more_frames_than_it_has() -> None:
    data = by_soundfile(tone(4.0), "MP3")
    ends = [0]
    while size := mp3_frame_bytes(data[ends[-1] : ends[-1] + 4]):
        ends.append(ends[-1] + size)
    assert ends[-1] == len(data)
    assert seconds_of(data) == pytest.approx(4.0, abs=0.2)
    assert reason_of(data[: ends[-10]]) == "audio_incomplete"  # cut between two frames


def test_mp3s_one_after_another() -> None:
    data = by_soundfile(tone(1.0), "MP3") + by_soundfile(tone(2.0), "MP3")
    assert seconds_of(data) == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_a_chained_ogg_stream(subtype: str, rate: int) -> None:
    data = by_soundfile(tone(1.0), "OGG", subtype) + by_soundfile(tone(2.0, rate), "OGG", subtype, rate)
    assert seconds_of(data) == pytest.approx(3.0, abs=0.05)
    assert reason_of(data[:-500]) == "audio_incomplete"


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_stream_that_lost_a_page_is_no_part_of_a_clip(subtype: str) -> None:
    data = by_soundfile(tone(30.0), "OGG", subtype)
    pages = [match.start() for match in re.finditer(rb"OggS", data)]
    lost = data[: pages[4]] + data[pages[5] :]
    with pytest.raises(BadClip, match="audio_incomplete: after Ogg page 3 comes page 5"):
        duration_of(lost)
    with pytest.raises(BadClip, match="audio_incomplete"):
        wave_of(lost, RATE, 60.0)
    # a program that writes tags adds a page of headers, and does not count the others anew
    shifted = bytearray(data)
    for start in pages[2:]:
        shifted[start + 18] += 1
    assert repaired(bytes(shifted)) == [bytes(shifted)]


@pytest.mark.parametrize(("announced", "expected"), [(0, 2.0), (8000, 2.0)])
def test_a_flac_of_another_length_than_it_announces(announced: int, expected: float) -> None:
    data = bytearray(by_soundfile(tone(2.0), "FLAC"))
    data[21] &= 0xF0
    data[22:26] = struct.pack(">I", announced)
    assert seconds_of(bytes(data)) == expected
    assert reason_of(bytes(data[: len(data) // 2])) in ("audio_undecodable", "audio_incomplete")


@pytest.mark.parametrize("riff", [0, 36, 0xFFFFFFFF])
@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("tags", [b"", ID3])
def test_a_wav_whose_writer_did_not_know_its_size(riff: int, size: int, tags: bytes) -> None:
    data = by_soundfile(tone(1.0), "WAV", "PCM_16")
    streamed = with_word(with_word(data, 4, riff), 40, size)
    assert seconds_of(tags + streamed) == 1.0
    np.testing.assert_array_equal(wave_of(tags + streamed, RATE, 2.0), wave_of(data, RATE, 2.0))


def test_an_rf64_whose_writer_did_not_know_its_size() -> None:
    data = by_soundfile(tone(1.0), "RF64", "PCM_16")
    at = data.find(b"ds64")
    assert seconds_of(data) == 1.0
    assert seconds_of(data[: at + 8] + bytes(24) + data[at + 32 :]) == 1.0
    assert reason_of(data[: len(data) // 2]) == "audio_incomplete"


def test_what_follows_the_samples_of_a_wav() -> None:
    data = by_soundfile(tone(1.0), "WAV", "PCM_16")
    for rest in (b"LIST\x04\0\0\0INFO", ID3, b"TAG" + bytes(125), bytes(5000), b"LIST\xff\xff\0\0IN"):
        assert seconds_of(data + rest) == 1.0
    assert reason_of(data + data) == "audio_incomplete"
    assert reason_of(with_word(data, 40, 8000)) == "audio_incomplete"
    assert reason_of(with_word(data[:44], 40, 0)) == "audio_empty"


FORMATS: dict[str, Callable[[], bytes]] = {
    "m4a": lambda: by_ffmpeg(tone(2.0), "ipod", "aac"),
    "fragmented": lambda: by_ffmpeg(
        tone(2.0), "mp4", "aac", movflags="frag_keyframe+empty_moov", frag_duration="500000"
    ),
    "alac": lambda: by_ffmpeg(tone(2.0), "ipod", "alac"),
    "adts": lambda: by_ffmpeg(tone(2.0), "adts", "aac"),
    "webm": lambda: by_ffmpeg(tone(2.0, 48000), "webm", "libopus", 48000),
    "webm live": lambda: by_ffmpeg(tone(2.0, 48000), "webm", "libopus", 48000, live="1"),
    "amr": lambda: by_ffmpeg(tone(2.0, 8000), "amr", "libopencore_amrnb", 8000),
    "wavpack": lambda: by_ffmpeg(tone(2.0), "wv", "wavpack"),
    "aiff": lambda: by_soundfile(tone(2.0), "AIFF"),
    "au": lambda: by_soundfile(tone(2.0), "AU"),
    "caf": lambda: by_soundfile(tone(2.0), "CAF"),
    "w64": lambda: by_soundfile(tone(2.0), "W64"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_other_formats_are_read_whole_or_dropped(name: str) -> None:
    data = FORMATS[name]()
    assert seconds_of(data) == pytest.approx(2.0, abs=0.13)
    wave = wave_of(data, RATE, 60.0)
    assert np.sqrt(np.square(wave[RATE // 2 : RATE]).mean()) == pytest.approx(0.21, abs=0.03)
    assert reason_of(data[: len(data) // 2]) in ("audio_undecodable", "audio_incomplete")
    with pytest.raises(BadClip, match="audio_too_long"):
        wave_of(data, RATE, 1.5)


def test_no_playlist_is_followed(tmp_path: object) -> None:
    path = f"{tmp_path}/a.wav"
    soundfile.write(path, tone(1.0), RATE)
    for text in (f"#EXTM3U\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n", f"ffconcat version 1.0\nfile {path}\n"):
        assert reason_of(text.encode()) == "audio_undecodable"


def test_text_is_no_mp3() -> None:
    for text in (b"RIFF" * 999, b"\xff\xfb\x90\x64" + b"words " * 5000, bytes(9999)):
        assert reason_of(text) == "audio_undecodable"


PRINTING = """
import sys
from triptych.tokenizers.audio.decode_clip import BadClip, duration_of, wave_of
data = sys.stdin.buffer.read()
for part in (data, data[:len(data) // 2], data[:9000] + bytes(range(256)) * 9 + data[12000:]):
    for name in (duration_of, lambda data: wave_of(data, 16000, 60.0)):
        try:
            name(part)
        except BadClip:
            pass
print("to be seen", file=sys.stderr)
"""


@pytest.mark.parametrize("kind", ["MP3", "FLAC", "OGG", "m4a"])
def test_no_line_of_a_library_reaches_the_terminal(kind: str) -> None:
    data = FORMATS["m4a"]() if kind == "m4a" else by_soundfile(tone(4.0), kind)
    done = subprocess.run([sys.executable, "-c", PRINTING], input=data + data[-5000:], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"to be seen\n")
