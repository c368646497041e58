"""Recognize the glyph in an image and the word in a clip by nearest neighbour among templates.

The templates are the characters and words of the corpus, so no download is needed, and the chance level is known: one
over the number of characters or words.
"""

import unicodedata

import numpy as np
import numpy.typing as npt

from .glyphs import SIDE, Glyph, coverage, draw
from .speech import RATE, WORDS, synthesize, voiced

# spread over ASCII, and chosen before a model was trained
NAMED = "AGKMRSWXbdgt2578&?@$"
SPOKEN = WORDS[::2][:20]
SLACK = 3  # largest shift in pixels between a glyph and its template
FRAMES = 32  # every clip is stretched to this length
MELS = 40

Floats = npt.NDArray[np.float32]


class Alphabet:
    """Templates of every printable ASCII character in every font of the corpus."""

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
        """Image of a character in the first font that has it, (SIDE, SIDE, 3)."""
        ink = self._ink[self._characters.index(character)].reshape(SIDE, SIDE, 1)
        pixels: npt.NDArray[np.uint8] = np.rint(255 * (1 - ink)).astype(np.uint8).repeat(3, -1)
        return pixels

    def nearest(self, pixels: npt.NDArray[np.uint8]) -> str:
        """Character whose template is nearest to `pixels` (SIDE, SIDE, 3), over shifts of up to SLACK pixels."""
        ink = _ink(pixels.mean(-1))
        reach = range(-SLACK, SLACK + 1)
        moved = [np.roll(ink, (down, right), (0, 1)).ravel() for down in reach for right in reach]
        # |a - b|² = |a|² - 2ab + |b|², and rolling keeps |a|²
        distance = (self._ink**2).sum(1)[None] - 2 * np.stack(moved) @ self._ink.T
        return self._characters[int(distance.min(0).argmin())]


class Words:
    """Templates of every word of the corpus in every voice."""

    def __init__(self) -> None:
        utterances = voiced(WORDS)
        self.size = len(WORDS)
        self._words = [utterance.text for utterance in utterances]
        self._waves = synthesize(utterances)
        self._sounds = np.stack([_sound(wave) for wave in self._waves])

    def template(self, word: str) -> Floats:
        """Waveform of a word in the first voice, at RATE."""
        return self._waves[self._words.index(word)]

    def nearest(self, wave: Floats) -> str:
        """Word whose template is most similar to `wave` by cosine, both stretched to the same length."""
        return self._words[int((self._sounds @ _sound(wave)).argmax())]


def name_of(character: str) -> str:
    """Caption of a character in the corpus: its Unicode name."""
    return unicodedata.name(character).lower()


def _ink(grey: npt.NDArray[np.floating] | npt.NDArray[np.uint8]) -> Floats:
    return np.asarray(1 - grey / 255, np.float32)


def _sound(wave: Floats) -> Floats:
    """Log mel spectrogram of a clip, stretched to FRAMES, centred and scaled to a unit vector."""
    import torch
    from torchaudio.transforms import MelSpectrogram

    mel = MelSpectrogram(RATE, n_fft=512, hop_length=160, n_mels=MELS)
    log = torch.log(mel(torch.from_numpy(np.pad(wave, (0, max(0, 512 - len(wave)))))) + 1e-4)
    even = torch.nn.functional.interpolate(log[None], FRAMES, mode="linear")[0].numpy().ravel()
    sound: Floats = (even - even.mean()) / np.linalg.norm(even - even.mean())
    return sound
