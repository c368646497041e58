"""Acoustic fingerprints: features of a clip that survive re-encoding and can be compared bit by bit.

The bits are those of Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002, section 4.2):
whether the energy difference between two neighbouring bands grows or shrinks over time. Two things differ. Short speech
clips need other sizes than music (windows of 64 ms instead of 370 ms, differences over 32 ms instead of 12 ms). And
since noise flips the bits of small differences, a bit is marked as reliable only if its difference is among the clip's
largest. The paper uses this reliability to guess flipped bits; here it is kept as a mask. Because it is relative, it
does not depend on loudness.
"""

import numpy as np
import numpy.typing as npt
import scipy.fft

from ....tokenizers.protocol import Wave

Codes = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

RATE = 8000  # Hz; the bandwidth of telephone speech
WINDOW, HOP = 512, 64
FRAMES_A_SECOND = RATE // HOP
STEP_BACK = 4  # frames over which the change of a difference is measured
BITS = 16
LOWEST, HIGHEST = 200.0, 3400.0  # Hz
STRONG_SHARE = 0.4  # share of the bits that are reliable
SOUND_DB = -20.0  # a frame has sound if it is at most this far below the clip's loud frames
QUIETEST = 1e-3  # amplitude of a sine; a clip whose loud frames are below it is silent (-60 dB)
FLATTEST = 1e-3  # relative to the loud frames' amplitude; a clip with only smaller differences has no features
BLOCK = 4096  # frames transformed at a time: 16 MB

# first bin of each band, and the bin after the last band
EDGES = np.round(np.geomspace(LOWEST, HIGHEST, BITS + 2) * WINDOW / RATE).astype(np.int64)
SINE_POWER = (WINDOW / 4) ** 2 * 1.5  # energy in the bands of a sine of amplitude 1, with a Hann window
WEIGHTS = (1 << np.arange(BITS)).astype(np.uint32)


def codes_of(wave: Wave) -> Codes:
    """Compute the fingerprint of a wave at `RATE`, one code per frame of 8 ms.

    The low 16 bits of a code are the bits, the high 16 bits mark which of them are reliable; the code of a frame
    without sound is 0. Frames before the first and after the last frame with reliable bits are left out.

    Returns:
        (frames,) codes; empty for a clip that is silent or shorter than a window.
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
    """Return the energy above which frames hold half of the total energy.

    Unlike a mean, it does not depend on the amount of silence.
    """
    falling = np.sort(energy)[::-1].astype(np.float64)
    total = np.cumsum(falling)
    return np.float64(falling[np.searchsorted(total, total[-1] / 2)])


def _band_energies(wave: Wave) -> Floats:
    """Return (frames, BITS + 1) band energies."""
    if len(wave) < WINDOW:
        return np.empty((0, BITS + 1), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]
    hann = np.hanning(WINDOW).astype(np.float32)
    blocks = []
    for start in range(0, len(frames), BLOCK):
        spectrum = scipy.fft.rfft(frames[start : start + BLOCK] * hann, axis=1)[:, : EDGES[-1]]
        power = spectrum.real**2 + spectrum.imag**2
        # summed bin by bin, since the last bits of a matrix product depend on threads
        blocks.append(np.add.reduceat(power, EDGES[:-1], axis=1))
    return np.concatenate(blocks)
