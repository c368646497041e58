"""Decodes audio by FFmpeg (PyAV): what libsndfile cannot read, or would read only in part.

Only formats of files are opened, never playlists, which name other files and addresses.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from .bad_clip import SLACK, BadClip, incomplete
from .mp3_frames import mp3_frame_bytes

Samples = npt.NDArray[np.float32]

FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,caf,dsf,eac3,flac,matroska,mov,mp3,mpegts,nistsphere,ogg,tak,tta,w64,wav,"
    "wv"
)
# FFmpeg estimates the length of these by their bit rate; they have no header that announces it
ESTIMATED = {"aac", "ac3", "amr", "amrnb", "amrwb", "eac3", "mp3", "mpegts", "ogg"}
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
GAPS = 4  # packets that encoder delay and padding may take
MOST_SLACK = 0.3  # seconds

av.logging.set_level(None)  # FFmpeg would print to standard error


@dataclass(frozen=True)
class Packets:
    """The first audio stream of a file by its packets, which are counted without decoding."""

    codec: str
    rate: int  # in Hz
    seconds: float
    announced: float | None  # seconds by the header; None where no header tells
    slack: float  # seconds by which a decoder's result may differ
    cut: bool  # the file ends within a packet
    share: float  # bytes of the packets by bytes of the file
    estimated: bool  # raw packets, without a container

    def check(self) -> None:
        """Raise BadClip (audio_incomplete) unless all the packets are there that the file announces."""
        if self.cut:
            raise BadClip("audio_incomplete", "the file ends within a packet")
        if self.announced is not None and self.seconds < self.announced - self.slack:
            raise incomplete(self.announced, self.seconds)


def packets_of(data: bytes) -> Packets:
    """Count the packets of the first audio stream; raises BadClip (audio_undecodable)."""
    with _open(data) as (container, stream):
        codec, names = stream.codec_context.name, set(container.format.name.split(","))
        duration = longest = size = 0
        cut, last = False, b""
        for packet in container.demux(stream):
            if packet.size:
                length = packet.duration or 0
                # FFmpeg takes 32 bits of the negative length of a short Vorbis stream's last packet as a large number
                duration += length if length < 1 << 31 else length - (1 << 32)
                longest = max(longest, 0 if length >= 1 << 31 else length)
                size += packet.size
                cut |= packet.is_corrupt
                last = bytes(packet)
        if "mp3" in names:
            cut |= mp3_frame_bytes(last[:4]) > len(last)
        unit = float(stream.time_base or 0)
        exact = codec == "flac" or codec.startswith("pcm")
        return Packets(
            codec=codec,
            rate=stream.rate,
            seconds=duration * unit,
            announced=None if names & ESTIMATED else _announced(container, stream),
            slack=SLACK if exact else min(max(SLACK, GAPS * longest * unit), MOST_SLACK),
            cut=cut,
            share=size / len(data),
            estimated=bool(names & ESTIMATED),
        )


class FfmpegClip:
    """A clip that FFmpeg decodes; its attributes are those of `SndfileClip`."""

    def __init__(self, data: bytes, packets: Packets) -> None:
        self.data = data
        self._packets = packets
        self.rate = packets.rate
        self.frames = round(packets.seconds * packets.rate)
        self.is_float = packets.codec.startswith("pcm_f")

    def blocks(self) -> Iterator[Samples]:
        """Yield decoded samples, (n, channels).

        Raises:
            BadClip: A packet does not decode, the rate or the channels change (audio_undecodable), or less decodes than
                the packets hold (audio_incomplete).
        """
        found, shape = 0.0, None
        with _open(self.data) as (container, stream):
            for frame in container.decode(stream):
                if shape not in (None, (frame.sample_rate, frame.layout.nb_channels)):
                    raise BadClip("audio_undecodable", "the sample rate or the number of channels changes")
                shape = frame.sample_rate, frame.layout.nb_channels
                self.rate = frame.sample_rate  # of AAC with SBR, twice what the header gives
                found += frame.samples / frame.sample_rate
                yield _floats(frame)
        if found < self._packets.seconds - self._packets.slack:
            raise incomplete(self._packets.seconds, found)


@contextmanager
def _open(data: bytes) -> Iterator[tuple[Any, Any]]:
    """Open the first audio stream of a file, as (container, stream); errors of FFmpeg become BadClip."""
    try:
        with av.open(BytesIO(data), options=OPTIONS, metadata_errors="replace") as container:
            stream = next(iter(container.streams.audio), None)
            # PyAV crashes where it decodes a stream of an unknown codec
            if stream is None or stream.codec_context is None or not stream.rate:
                raise BadClip("audio_undecodable", "no audio that can be decoded")
            stream.codec_context.thread_count = 1
            yield container, stream
    except (av.FFmpegError, OSError) as error:
        raise BadClip("audio_undecodable", str(error.strerror)) from None


def _announced(container: Any, stream: Any) -> float | None:
    """Length in seconds by the header; a stream's is that before edits, a file's is that of its longest stream."""
    of_stream = stream.duration and float(stream.duration * stream.time_base)
    of_file = container.duration and container.duration / av.time_base
    if of_stream is None and len(container.streams) > 1:
        return None
    return min((seconds for seconds in (of_stream, of_file) if seconds), default=None)


def _floats(frame: Any) -> Samples:
    """Convert a frame to (n, channels) float32, integers to -1..1."""
    samples = frame.to_ndarray()
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
    floats: Samples = samples.astype(np.float32)
    if samples.dtype == np.uint8:
        floats = (floats - 128) / np.float32(128)
    elif samples.dtype.kind == "i":
        floats = floats / np.float32(2 ** (8 * samples.dtype.itemsize - 1))
    return floats
