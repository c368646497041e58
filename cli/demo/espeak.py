"""The espeak-ng library of the `espeakng-loader` wheel, called in a process of its own.

espeak-ng keeps the phase of its oscillators from one utterance to the next, also over a new initialisation, and is
not thread-safe. In a fresh process the same list of utterances gives the same samples.
"""

import ctypes
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import Refusal

SAMPLE_RATE = 22_050

# constants of espeak-ng's speak_lib.h
SYNCHRONOUS, DONT_EXIT, UTF8, RATE, PITCH = 2, 0x8000, 1, 1, 3


class Utterance(NamedTuple):
    """A text to speak: `voice` as espeak-ng names it (`en-us+f2`), `rate` in words per minute, `pitch` from 0 to 99."""

    text: str
    voice: str
    rate: int
    pitch: int


def speak(utterances: Sequence[Utterance]) -> list[NDArray[np.int16]]:
    """Mono samples at SAMPLE_RATE for each utterance; raises Refusal where the library does not work."""
    command, words = [sys.executable, "-m", __name__], json.dumps(utterances).encode()
    done = subprocess.run(command, check=False, input=words, capture_output=True)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit code {done.returncode}"
        raise Refusal(f"espeak-ng of espeakng-loader failed: {reason}. Reinstall it: pip install 'triptych[demo]'.")
    with np.load(io.BytesIO(done.stdout)) as clips:
        return [clips[name] for name in clips.files]


class _Espeak:
    """The initialised library, one per process."""

    def __init__(self) -> None:
        import espeakng_loader

        self.synth = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path()
        rate = self.synth.espeak_Initialize(SYNCHRONOUS, 0, data.encode(), DONT_EXIT)
        if rate != SAMPLE_RATE:
            raise RuntimeError(f"no voices at {data} (espeak_Initialize returned {rate})")
        self.chunks: list[NDArray[np.int16]] = []
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self.callback = callback(self._collect)  # kept: the library holds no reference of its own
        self.synth.espeak_SetSynthCallback(self.callback)
        unsigned, text = ctypes.c_uint, ctypes.c_char_p
        self.synth.espeak_Synth.argtypes = [
            *(text, ctypes.c_size_t, unsigned, ctypes.c_int, unsigned, unsigned, ctypes.c_void_p, ctypes.c_void_p),
        ]

    def _collect(self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: int) -> int:
        if wave and count > 0:
            self.chunks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        return 0

    def speak(self, utterance: Utterance) -> NDArray[np.int16]:
        """Samples of an utterance; raises RuntimeError if the voice does not exist."""
        self.chunks.clear()
        if self.synth.espeak_SetVoiceByName(utterance.voice.encode()):
            raise RuntimeError(f"no voice {utterance.voice}")
        self.synth.espeak_ng_SetRandSeed(ctypes.c_long(1))  # otherwise the clock is the seed
        self.synth.espeak_SetParameter(RATE, utterance.rate, 0)
        self.synth.espeak_SetParameter(PITCH, utterance.pitch, 0)
        text = utterance.text.encode()
        if self.synth.espeak_Synth(text, len(text) + 1, 0, 0, 0, UTF8, None, None):
            raise RuntimeError(f"could not speak {utterance.text!r}")
        return np.concatenate(self.chunks)


def _main() -> None:
    espeak = _Espeak()
    np.savez(sys.stdout.buffer, *(espeak.speak(Utterance(*fields)) for fields in json.load(sys.stdin)))


if __name__ == "__main__":
    _main()
