"""Every kind of picture file gives a square of pixels or a named reason."""

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from triptych.tokenizers.image.decode_picture import BadPicture, size_and_squeezed, size_of, square, squeezed

LIMIT = 10_000_000


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def gradient(width: int, height: int) -> Image.Image:
    across = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    down = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([across, down, 255 - across], -1).astype(np.uint8))


def png_claiming(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def reason(data: bytes, max_pixels: int = LIMIT) -> str:
    with pytest.raises(BadPicture) as caught:
        square(data, 32, max_pixels)
    return caught.value.reason


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_formats_agree_with_the_picture(kind: str) -> None:
    data = saved(gradient(96, 64), kind)
    expected = np.asarray(gradient(96, 64).crop((16, 0, 80, 64)).resize((32, 32), Image.Resampling.LANCZOS), int)
    pixels = square(data, 32, LIMIT)
    assert (pixels.shape, pixels.dtype) == ((32, 32, 3), np.dtype(np.uint8))
    assert size_of(data) == (96, 64)
    assert np.abs(pixels - expected).mean() < 8


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr"])
def test_modes_give_the_colour_they_hold(mode: str) -> None:
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "PNG")
    pixels = square(saved(Image.new("RGB", (40, 40), (255, 255, 255)).convert(mode), kind), 32, LIMIT)
    assert (pixels > 250).all()
    pixels = square(saved(Image.new("RGB", (40, 40), (0, 0, 0)).convert(mode), kind), 32, LIMIT)
    assert (pixels < 6).all()


def test_cmyk_jpeg_keeps_its_colours() -> None:
    data = saved(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG", quality=95)
    red, green, blue = square(data, 8, LIMIT).reshape(-1, 3).mean(0)
    assert red > 240
    assert green < 15
    assert blue < 15


def test_transparency_lies_on_white() -> None:
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    assert (square(saved(clear), 8, LIMIT) == 255).all()
    assert (square(saved(clear.convert("LA")), 8, LIMIT) == 255).all()
    half = square(saved(Image.new("RGBA", (40, 40), (255, 0, 0, 128))), 8, LIMIT)
    assert np.abs(half.reshape(-1, 3).mean(0) - [255, 127, 127]).max() <= 1


def test_palette_transparency_lies_on_white() -> None:
    image = Image.new("P", (40, 40), 1)
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 0, 200])
    image.paste(2, (0, 0, 20, 40))
    left, right = np.split(square(saved(image, transparency=1), 8, LIMIT), 2, axis=1)
    assert np.abs(left[:, :3].astype(int) - [0, 0, 200]).max() < 20
    assert right[:, 1:].min() > 235
    as_bytes = square(saved(image, transparency=bytes([255, 0, 255])), 8, LIMIT)
    assert as_bytes[:, 5:].min() > 235


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None, :].repeat(64, 0)
    for kind in ("PNG", "TIFF"):
        pixels = square(saved(Image.fromarray(ramp), kind), 64, LIMIT)
        assert np.abs(pixels[0, :, 0] - np.linspace(0, 255, 64)).max() <= 1


def test_exif_turns_the_picture_and_broken_exif_is_ignored() -> None:
    image = Image.new("RGB", (40, 40), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: top of the scene is on the right of the file
    turned = square(saved(image, "JPEG", exif=exif), 8, LIMIT)
    assert turned[:, 5:].min() > 200
    assert turned[:, :3].max() < 60
    straight = square(saved(image, "JPEG", exif=b"Exif\0\0garbage"), 8, LIMIT)
    assert straight[:3].min() > 200


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 2)])
def test_tiny_and_thin_pictures_are_enlarged(size: tuple[int, int]) -> None:
    assert (square(saved(Image.new("RGB", size, (10, 20, 30))), 32, LIMIT) == [10, 20, 30]).all()


def test_a_large_jpeg_is_decoded_small_with_little_loss() -> None:
    data = saved(gradient(2048, 1536), "JPEG", quality=95)
    whole = Image.open(io.BytesIO(data)).crop((256, 0, 1792, 1536)).resize((64, 64), Image.Resampling.LANCZOS)
    assert np.abs(square(data, 64, LIMIT) - np.asarray(whole, int)).max() <= 4


def test_fine_stripes_are_averaged_not_sampled() -> None:
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(square(saved(Image.fromarray(stripes)), 32, LIMIT).astype(int) - 127).max() < 8


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_squeezed_picture_is_all_there_in_luminance_and_colours(kind: str) -> None:
    assert squeezed(saved(gradient(5, 3), kind), 32, LIMIT).shape == (32, 32, 3)
    for size in ((96, 64), (48, 300), (640, 480)):
        image = gradient(*size)
        expected = np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC).convert("YCbCr"), int)
        pixels = squeezed(saved(image, kind), 32, LIMIT)
        assert (pixels.shape, pixels.dtype) == ((32, 32, 3), np.dtype(np.uint8))
        assert np.abs(pixels - expected).mean() < 8


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr"])
def test_squeezed_modes_agree_with_what_square_makes_of_them(mode: str) -> None:
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "PNG")
    data = saved(gradient(64, 64).convert(mode), kind)
    expected = np.asarray(Image.fromarray(square(data, 32, LIMIT)).convert("YCbCr"), int)
    assert np.abs(squeezed(data, 32, LIMIT) - expected).mean() < 4


def test_squeezed_turns_as_exif_says_and_refuses_by_the_header() -> None:
    image = Image.new("RGB", (80, 40), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 80, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = squeezed(saved(image, "JPEG", exif=exif), 8, LIMIT)[..., 0]
    assert turned[:, 5:].min() > 200
    assert turned[:, :3].max() < 60
    for data, limit in ((b"", LIMIT), (saved(image)[:90], LIMIT), (saved(image), 3199)):
        with pytest.raises(BadPicture):
            squeezed(data, 8, limit)


def test_broken_files_are_undecodable() -> None:
    whole = {kind: saved(gradient(200, 200), kind) for kind in ("PNG", "JPEG", "WEBP")}
    for data in whole.values():
        assert reason(data[: len(data) // 2]) == "image_undecodable"
        assert reason(data[:12]) == "image_undecodable"
    broken = bytearray(whole["PNG"])
    broken[60] ^= 0xFF
    assert reason(bytes(broken)) == "image_undecodable"
    for data in (b"hello", b"\xff\xd8\xff", b"\x00" * 1000, b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>"):
        assert reason(data) == "image_undecodable"


def test_values_without_a_range_are_refused() -> None:
    assert reason(saved(Image.fromarray(np.ones((8, 8), np.float32)), "TIFF")) == "image_undecodable"


def test_empty_pictures_are_named_so() -> None:
    assert reason(b"") == "image_empty"
    assert reason(png_claiming(0, 0)) == "image_empty"
    assert reason(png_claiming(0, 5)) == "image_empty"
    with pytest.raises(BadPicture, match="image_empty"):
        size_of(png_claiming(7, 0))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bombs_are_refused_by_their_header() -> None:
    assert reason(png_claiming(4000, 4000)) == "image_too_large"
    assert reason(png_claiming(60_000, 60_000), 1 << 40) == "image_too_large"
    assert size_of(png_claiming(10_000, 9_500)) == (10_000, 9_500)
    assert reason(saved(gradient(20, 10)), 199) == "image_too_large"
    assert square(saved(gradient(20, 10)), 8, 200).shape == (8, 8, 3)


@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "TIFF"]))
def test_no_damage_raises_anything_else(noise: bytes, at: int, kind: str) -> None:
    data = saved(gradient(24, 24), kind)
    damaged = data[: at % len(data)] + noise + data[at % len(data) + len(noise) :]
    try:
        pixels = square(damaged, 8, LIMIT)
    except BadPicture as error:
        caught = error
    else:
        assert pixels.shape == (8, 8, 3)
        return
    assert caught.reason in {"image_undecodable", "image_empty", "image_too_large"}
    assert " at 0x" not in caught.detail  # an address would differ from run to run


def test_threads_agree() -> None:
    files = [saved(gradient(100 + i, 80), kind) for i in range(12) for kind in ("JPEG", "PNG", "WEBP")]
    alone = [square(data, 16, LIMIT) for data in files]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda data: square(data, 16, LIMIT), files))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_size_and_reduced_image_are_those_of_two_readings() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 140, 3)).astype(np.uint8))
    whole = {}
    for kind in ("JPEG", "PNG", "GIF", "BMP"):
        stream = io.BytesIO()
        image.save(stream, kind)
        whole[kind] = stream.getvalue()
    png = whole["PNG"]
    broken_chunk = png[:33] + struct.pack(">I", 4) + b"iCCPabcd" + b"0000" + png[33:]
    files = [*whole.values(), whole["JPEG"][:2000], png[:200], broken_chunk]
    for data in files:
        size, pixels = size_and_squeezed(data, 32, 100_000)
        assert size == size_of(data) == (140, 90)
        try:
            assert np.array_equal(pixels, squeezed(data, 32, 100_000))  # type: ignore[arg-type]
        except BadPicture:
            assert pixels is None
    assert size_and_squeezed(png, 32, 10) == ((140, 90), None)
    for data in (b"", b"no picture", png[:12]):
        with pytest.raises(BadPicture):
            size_and_squeezed(data, 32, 100_000)
