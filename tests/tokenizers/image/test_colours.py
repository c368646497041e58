"""Embedded profiles are converted to sRGB; those of sRGB, broken ones and those of other spaces change nothing."""

import io
import struct
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image, ImageCms

from triptych.tokenizers.image.decode_picture import square, squeezed

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
WIDE = {
    b"rXYZ": (0.51512, 0.2412, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.1571, 0.06657, 0.78407),
}
ADOBE = {
    b"rXYZ": (0.60974, 0.31111, 0.01947),
    b"gXYZ": (0.20528, 0.62567, 0.06087),
    b"bXYZ": (0.14919, 0.06322, 0.74457),
}
COLOUR = (200, 100, 50)


def xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def with_primaries(primaries: Mapping[bytes, tuple[float, ...]]) -> bytes:
    """The profile of sRGB with other primaries."""
    profile = bytearray(SRGB)
    for name, values in primaries.items():
        entry = profile.find(name, 128)
        (offset,) = struct.unpack_from(">I", profile, entry + 4)
        profile[offset : offset + 20] = xyz(values)
    return bytes(profile)


def grey_profile(gamma: float) -> bytes:
    """A profile of one channel, of which a value is light to the power of `gamma`."""
    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    tags = {b"wtpt": xyz((0.9642, 1.0, 0.8249)), b"kTRC": curve}
    table, body = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(value))
        body += value
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"GRAY", b"XYZ ") + struct.pack(
        ">6H", 2020, 1, 1, 0, 0, 0
    )
    head += b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body


def saved(image: Image.Image, kind: str, profile: bytes | None) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, icc_profile=profile, **({"quality": 95} if kind in ("JPEG", "AVIF") else {}))
    return stream.getvalue()


def first(data: bytes) -> list[int]:
    pixel: list[int] = square(data, 8, 10_000)[4, 4].tolist()
    return pixel


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "AVIF"])
@pytest.mark.parametrize(("primaries", "expected"), [(WIDE, (215, 93, 31)), (ADOBE, (226, 100, 46))])
def test_a_wide_profile_is_converted(
    kind: str, primaries: Mapping[bytes, tuple[float, ...]], expected: list[int]
) -> None:
    image = Image.new("RGB", (16, 16), COLOUR)
    data = saved(image, kind, with_primaries(primaries))
    assert np.abs(np.subtract(first(data), expected)).max() <= 3
    luminance = np.asarray(Image.new("RGB", (1, 1), expected).convert("YCbCr"), np.int64)[0, 0]  # type: ignore[arg-type]
    assert np.abs(squeezed(data, 8, 10_000)[4, 4] - luminance).max() <= 3
    for other in (image.convert("RGBA"), image.quantize(4)):
        assert np.abs(np.subtract(first(saved(other, "PNG", with_primaries(WIDE))), (215, 93, 31))).max() <= 3


def test_transparency_of_a_wide_picture_lies_on_white() -> None:
    image = Image.new("RGBA", (16, 16), (*COLOUR, 128))
    assert np.abs(np.subtract(first(saved(image, "PNG", with_primaries(WIDE))), (235, 174, 142))).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("profile", [SRGB, with_primaries(WIDE)[:200], b"no profile", grey_profile(1.0)])
def test_other_profiles_change_no_byte(kind: str, profile: bytes) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8))
    for read in (square, squeezed):
        plain, tagged = (read(saved(noise, kind, each), 16, 10_000) for each in (None, profile))
        np.testing.assert_array_equal(plain, tagged)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_profile_is_converted(mode: str) -> None:
    image = Image.new("L", (16, 16), 124).convert(mode)
    assert np.abs(np.subtract(first(saved(image, "PNG", grey_profile(1.0))), 185)).max() <= 2
    assert first(saved(image, "PNG", with_primaries(WIDE))) == [124] * 3
