"""Headers of MPEG audio frames (ISO 11172-3, 2.4.1.3, and ISO 13818-3)."""

from .containers import after_tags

# kbit/s by bit-rate index: MPEG-1 layers 1, 2 and 3, then MPEG-2 layer 1, and layers 2 and 3
_RATES = (
    (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES = (44100, 48000, 32000)


def mp3_frame_bytes(head: bytes) -> int:
    """Size of the MPEG audio frame that starts with these bytes; 0 where its header does not tell it."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    index, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or index in (0, 15) or rate == 3:
        return 0
    kilobits = _RATES[layer - 1 if version == 3 else min(layer + 2, 4)][index]
    hertz = _SAMPLE_RATES[rate] >> (0 if version == 3 else 1 if version == 2 else 2)
    if layer == 1:
        return (12000 * kilobits // hertz + padding) * 4
    return (72000 if layer == 3 and version != 3 else 144000) * kilobits // hertz + padding


def mp3_counts_frames(data: bytes) -> bool:
    """Whether the first frame of an MP3 has a Xing, Info or VBRI header, which counts the frames of the file."""
    start = after_tags(data)
    head = data[start : start + 64]
    return any(tag in head for tag in (b"Xing", b"Info", b"VBRI"))
