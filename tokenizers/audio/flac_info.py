"""What the first metadata block of a FLAC file announces of its samples, checked against those that decode.

Source: RFC 9639, section 8.2 (STREAMINFO). The MD5 there is that of the samples as signed little-endian integers.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .bad_clip import BadClip, incomplete

Samples = npt.NDArray[np.float32]

START, END = 8, 42  # STREAMINFO in a file without tags before it
MOST_BITS = 24  # that a float32 holds exactly


def verified(data: bytes, blocks: Iterator[Samples]) -> Iterator[Samples]:
    """Yield the decoded blocks of a file, and check them at the end if it is a FLAC file.

    Args:
        data: Bytes of the audio file, of any format.
        blocks: All its samples, (n, channels), integers scaled to -1..1.

    Raises:
        BadClip: Fewer samples decode than the file announces, or their MD5 is another one where their number is unknown
            (audio_incomplete); the number is right and the MD5 is not (audio_undecodable).
    """
    if not data.startswith(b"fLaC") or len(data) < END or data[4] & 0x7F:
        yield from blocks
        return
    facts = int.from_bytes(data[START + 10 : END - 16], "big")
    rate, bits, announced = facts >> 44, (facts >> 36 & 31) + 1, facts & (1 << 36) - 1
    wanted = data[END - 16 : END]
    state = hashlib.md5(usedforsecurity=False) if any(wanted) and bits <= MOST_BITS else None
    found = 0
    for block in blocks:
        found += len(block)
        if state is not None:
            state.update(_bytes(block, bits))
        yield block
    if found < announced and rate:
        raise incomplete(announced / rate, found / rate)
    if state is None or found > announced > 0 or state.digest() == wanted:  # a header may announce too little
        return
    if not announced:
        raise BadClip("audio_incomplete", "the samples have another MD5 than the FLAC file announces")
    raise BadClip("audio_undecodable", "the samples have another MD5 than the FLAC file announces")


def _bytes(block: Samples, bits: int) -> bytes:
    """Return samples as the integers of a FLAC file, each in as few bytes as hold `bits`."""
    width = (bits + 7) // 8
    numbers = np.rint(block * np.float32(2 ** (bits - 1))).astype("<i4")
    packed: bytes = numbers.view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    return packed
