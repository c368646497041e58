"""Mixes the channels of a clip to one, and brings float samples beyond full scale into -1..1.

The mix is the mean over channels. Where it has less than 1 % of the channels' mean power, the channels cancel (one of
them was recorded or encoded with the opposite sign), and the loudest channel is taken instead.

Files of float samples have no largest value. Where the mix exceeds 1, it is divided by its peak if this is at most 8
(18 dB over full scale). A higher peak tells samples on the scale of 16, 24 or 32 bits, which are divided by 2^15, 2^23
or 2^31.
"""

from collections.abc import Callable, Iterator

import numpy as np

from ..protocol import Wave
from .sndfile_audio import Samples

CANCELLED = 0.01  # of the channels' mean power
OVER = 8.0
SCALES = (2.0**15, 2.0**23, 2.0**31)


def mix_down(blocks: Callable[[], Iterator[Samples]]) -> Wave:
    """Mix a clip to mono; decodes it a second time if its channels cancel.

    Args:
        blocks: Yields all samples from the start, (n, channels).

    Returns:
        (samples,) float32.
    """
    mixed, power = [np.empty(0, np.float32)], np.zeros(1)
    for block in blocks():
        mixed.append(block.mean(axis=1))
        if block.shape[1] > 1:
            power = power + np.square(block, dtype=np.float64).sum(axis=0)
    wave = np.concatenate(mixed)
    if power.any() and np.square(wave, dtype=np.float64).sum() < CANCELLED * power.mean():
        channel = int(power.argmax())
        wave = np.concatenate([block[:, channel] for block in blocks()])
    return wave


def in_full_scale(wave: Wave) -> Wave:
    """Scale a wave of float samples whose peak exceeds 1, as the module describes."""
    peak = float(np.abs(wave).max(initial=0))
    if peak <= 1 or not np.isfinite(peak):
        return wave
    scale = next((scale for scale in SCALES if peak <= scale), peak) if peak > OVER else peak
    return wave / np.float32(scale)
