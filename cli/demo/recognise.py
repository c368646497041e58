"""Which glyph a picture shows, which word a clip says: that of the likest of all that could be meant.

A match by nearest neighbour among the corpus's own characters and words needs no download, and its chance is known: one
in as many as there are.
"""

import unicodedata

import numpy as np
import numpy.typing as npt

from .glyphs import SIDE, Glyph, coverage, draw
from .speech import RATE, WORDS, say, voiced

# a spread of ASCII, chosen before there was a model
NAMED = "AGKMRSWXbdgt2578&?@$"
SPOKEN = WORDS[::2][:20]
SLACK = 3  # pixels by which a glyph may lie elsewhere than in its template
FRAMES = 32  # that every clip is stretched to
MELS = 40

Floats = npt.NDArray[np.float32]


class Alphabet:
    """Every printable character of ASCII, in every font of the corpus."""

    def __init__(self) -> None:
        characters = [chr(code) for code in range(0x21, 0x7F)]
        glyphs = [
            Glyph(character, font)
            for character in characters
            for font, codes in coverage().items()
            if ord(character) in codes
        ]
        self.size = len(characters)
        self._characters = [glyph.character for glyph in glyphs]
        self._ink = np.stack([_ink(np.asarray(draw(glyph))) for glyph in glyphs]).reshape(len(glyphs), -1)

    def template(self, character: str) -> npt.NDArray[np.uint8]:
        """The first picture of a character, (SIDE, SIDE, 3)."""
        ink = self._ink[self._characters.index(character)].reshape(SIDE, SIDE, 1)
        pixels: npt.NDArray[np.uint8] = np.rint(255 * (1 - ink)).astype(np.uint8).repeat(3, -1)
        return pixels

    def nearest(self, pixels: npt.NDArray[np.uint8]) -> str:
        """The character whose template is nearest to the picture (SIDE, SIDE, 3), over shifts of up to SLACK pixels."""
        ink = _ink(pixels.mean(-1))
        reach = range(-SLACK, SLACK + 1)
        moved = [np.roll(ink, (down, right), (0, 1)).ravel() for down in reach for right in reach]
        # |a - b|² = |a|² - 2ab + |b|², and rolling keeps |a|²
        distance = (self._ink**2).sum(1)[None] - 2 * np.stack(moved) @ self._ink.T
        return self._characters[int(distance.min(0).argmin())]


class Words:
    """Every word of the corpus, in every voice of it."""

    def __init__(self) -> None:
        utterances = voiced(WORDS)
        self.size = len(WORDS)
        self._words = [utterance.text for utterance in utterances]
        self._waves = say(utterances)
        self._sounds = np.stack([_sound(wave) for wave in self._waves])

    def template(self, word: str) -> Floats:
        """A word in the first voice, at RATE."""
        return self._waves[self._words.index(word)]

    def nearest(self, wave: Floats) -> str:
        """The word of the likest template, both stretched to the same length."""
        return self._words[int((self._sounds @ _sound(wave)).argmax())]


def name_of(character: str) -> str:
    """What the corpus calls a character."""
    return unicodedata.name(character).lower()


def _ink(grey: npt.NDArray[np.floating] | npt.NDArray[np.uint8]) -> Floats:
    return np.asarray(1 - grey / 255, np.float32)


def _sound(wave: Floats) -> Floats:
    """Unit vector of a clip's log mel spectrogram, stretched to FRAMES, without its mean."""
    import torch
    from torchaudio.transforms import MelSpectrogram

    mel = MelSpectrogram(RATE, n_fft=512, hop_length=160, n_mels=MELS)
    log = torch.log(mel(torch.from_numpy(np.pad(wave, (0, max(0, 512 - len(wave)))))) + 1e-4)
    even = torch.nn.functional.interpolate(log[None], FRAMES, mode="linear")[0].numpy().ravel()
    sound: Floats = (even - even.mean()) / np.linalg.norm(even - even.mean())
    return sound
