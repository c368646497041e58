"""Acoustic fingerprints: what of a clip's sound survives a re-encoding, and can be compared bit by bit.

The bits are those of Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002, section 4.2):
whether the difference between two neighbouring bands grows or shrinks over time. Speech in short clips needs other
sizes than music on the radio (windows of 64 ms, not 370, and a step back of 32 ms, not 12), and one thing more: weak
differences flip with any noise, so a bit counts only where its difference is among the clip's strongest. The paper uses
this reliability to guess at flipped bits; here it is kept, as a mask. Loudness cancels out: "strong" is relative.
"""

import numpy as np
import numpy.typing as npt
import scipy.fft

from ....tokenizers.protocol import Wave

Codes = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

RATE = 8000  # samples a second: what telephones keep of speech
WINDOW, HOP = 512, 64
FRAMES_A_SECOND = RATE // HOP
STEP_BACK = 4  # frames
BITS = 16
LOWEST, HIGHEST = 200.0, 3400.0  # Hz
STRONG_SHARE = 0.4
SOUND_DB = -20.0  # a frame sounds if it is no weaker than this beside the clip's loud frames
QUIETEST = 1e-3  # amplitude of a sine; a clip whose loud frames are under it is silent (-60 dB)
FLATTEST = 1e-3  # of the loud frames' amplitude; a clip whose strong differences are under it has no features
BLOCK = 4096  # frames transformed at a time: 16 MB

# first bin of each band, and the bin after the last band
EDGES = np.round(np.geomspace(LOWEST, HIGHEST, BITS + 2) * WINDOW / RATE).astype(np.int64)
SINE_POWER = (WINDOW / 4) ** 2 * 1.5  # of a sine of amplitude 1 in the bands, with a Hann window
WEIGHTS = (1 << np.arange(BITS)).astype(np.uint32)


def codes_of(wave: Wave) -> Codes:
    """The fingerprint of a wave at `RATE`, a code a frame of 8 ms, from the first frame that sounds to the last.

    The low half of a code holds the bits, the high half says which of them count; where nothing sounds it is 0.
    Empty for a clip that is silent or shorter than a window.
    """
    bands = _band_energies(wave)
    if len(bands) <= STEP_BACK:
        return np.empty(0, np.uint32)
    energy = bands.sum(axis=1)
    loud = _loudness(energy)
    if loud < SINE_POWER * QUIETEST**2:
        return np.empty(0, np.uint32)
    slopes = np.diff(np.sqrt(bands / loud), axis=1)
    change = slopes[STEP_BACK:] - slopes[:-STEP_BACK]
    sounds = np.maximum(energy[STEP_BACK:], energy[:-STEP_BACK]) > loud * 10 ** (SOUND_DB / 10)
    size = np.abs(change)
    strong = (size > max(np.quantile(size[sounds], 1 - STRONG_SHARE), FLATTEST)) & sounds[:, None]
    codes: Codes = ((change > 0) & strong) @ WEIGHTS | (strong @ WEIGHTS) << BITS
    used = np.flatnonzero(codes)
    return codes[used[0] : used[-1] + 1] if len(used) else codes[:0]


def _loudness(energy: Floats) -> np.float64:
    """The energy of the frames in which, with those that are louder, half of it lies: silence around has no say."""
    falling = np.sort(energy)[::-1].astype(np.float64)
    total = np.cumsum(falling)
    return np.float64(falling[np.searchsorted(total, total[-1] / 2)])


def _band_energies(wave: Wave) -> Floats:
    """(frames, BITS + 1)"""
    if len(wave) < WINDOW:
        return np.empty((0, BITS + 1), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]
    hann = np.hanning(WINDOW).astype(np.float32)
    blocks = []
    for start in range(0, len(frames), BLOCK):
        spectrum = scipy.fft.rfft(frames[start : start + BLOCK] * hann, axis=1)[:, : EDGES[-1]]
        power = spectrum.real**2 + spectrum.imag**2
        # summed bin by bin rather than by a product of matrices, whose last bits depend on threads
        blocks.append(np.add.reduceat(power, EDGES[:-1], axis=1))
    return np.concatenate(blocks)
