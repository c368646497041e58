"""Decodes audio by libsndfile (soundfile): WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF, CAF …"""

from collections.abc import Iterator
from contextlib import nullcontext
from io import BytesIO

import numpy as np
import numpy.typing as npt
import soundfile

from ...schemas.dataset.drop_detail import error_detail
from ..quiet import quiet_stderr
from .bad_clip import SLACK, BadClip, incomplete

Samples = npt.NDArray[np.float32]

BLOCK = 1 << 16
SILENT = (b"RIFF", b"RF64", b"fLaC", b"OggS")  # files that mpg123 is not tried on


class SndfileClip:
    """A clip that libsndfile decodes.

    Attributes:
        data: Bytes of the file.
        rate: Sample rate, in Hz.
        frames: Samples per channel by the header, or by libsndfile's estimate.
        kind: libsndfile's name of the container.
        is_float: Whether the file holds floating-point samples, which may exceed full scale.
        slack: Seconds by which the result may be shorter than `frames`.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        with self._open() as file:
            self.rate: int = file.samplerate
            self.frames: int = file.frames
            self.kind: str = file.format
            self.is_float: bool = file.subtype in ("FLOAT", "DOUBLE")
            self._prints = "MPEG" in file.subtype
        self.slack = SLACK

    def blocks(self) -> Iterator[Samples]:
        """Yield decoded samples from the start, (n, channels).

        Raises:
            BadClip: The file is damaged (audio_undecodable), or less decodes than was announced (audio_incomplete).
        """
        found = 0
        with self._open() as file:
            while len(block := self._read(file)):
                found += len(block)
                yield block
        if found < self.frames - self.slack * self.rate:
            raise incomplete(self.frames / self.rate, found / self.rate)

    def _open(self) -> soundfile.SoundFile:
        try:
            with nullcontext() if self.data[:4] in SILENT else quiet_stderr():
                return soundfile.SoundFile(BytesIO(self.data))
        except (soundfile.SoundFileError, TypeError, ValueError) as error:
            raise BadClip("audio_undecodable", error_detail(error)) from None

    def _read(self, file: soundfile.SoundFile) -> Samples:
        try:
            with quiet_stderr() if self._prints else nullcontext():
                block: Samples = file.read(BLOCK, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise BadClip("audio_undecodable", error_detail(error)) from None
        return block
