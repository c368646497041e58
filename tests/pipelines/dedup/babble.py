"""Sound that changes as speech does, without a word in it."""

import numpy as np
import scipy.signal

from triptych.tokenizers.protocol import Wave

RATE = 8000


def babble(seed: int, seconds: float) -> Wave:
    """Noise through three resonances that move every 80 to 200 ms, at RATE."""
    draw = np.random.default_rng(seed)
    samples = round(seconds * RATE)
    pieces: list[np.ndarray] = []
    while sum(map(len, pieces)) < samples:
        syllable = draw.standard_normal(int(draw.uniform(0.08, 0.2) * RATE))
        for hertz in draw.uniform((250, 900, 1800), (900, 1800, 3200)):
            pole = 0.97 * np.exp(2j * np.pi * hertz / RATE)
            syllable = scipy.signal.lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], syllable)
        pieces.append(syllable * draw.uniform(0.3, 0.8) / np.abs(syllable).max())
    return np.concatenate(pieces)[:samples].astype(np.float32)
