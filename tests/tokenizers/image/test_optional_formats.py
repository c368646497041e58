"""AVIF is read; HEIC, JPEG XL and SVG are read by their packages, and named where these are missing."""

import io
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triptych.tokenizers.image import optional_formats
from triptych.tokenizers.image.decode_picture import BadPicture, size_of, square, squeezed
from triptych.tokenizers.image.optional_formats import PACKAGES, format_name

SVG = '<svg xmlns="http://www.w3.org/2000/svg" {}>{}</svg>'
BLUE = '<rect width="100" height="60" fill="blue"/>'


def saved(kind: str, size: tuple[int, int] = (40, 20), orientation: int = 1) -> bytes:
    """A picture that is red on the left and white on the right."""
    if kind == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    if kind == "JXL":
        import pillow_jxl

        assert pillow_jxl
    image = Image.new("RGB", size, (255, 255, 255))
    image.paste((255, 0, 0), (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    image.save(stream, kind, exif=exif.tobytes())
    return stream.getvalue()


@pytest.mark.parametrize(("kind", "name"), [("AVIF", "AVIF"), ("HEIF", "HEIC"), ("JXL", "JPEG XL")])
def test_compressed_formats(kind: str, name: str) -> None:
    data = saved(kind)
    assert format_name(data) == name
    assert size_of(data) == (40, 20)
    pixels = square(data, 16, 1000)
    assert np.abs(pixels[8, 1].astype(int) - (255, 0, 0)).max() < 8
    assert np.abs(pixels[8, 14].astype(int) - 255).max() < 8
    assert squeezed(data, 16, 1000)[8, 1, 2] > 200
    with pytest.raises(BadPicture, match="image_too_large"):
        square(data, 16, 799)
    with pytest.raises(BadPicture, match="image_undecodable"):
        square(data[: len(data) // 2], 16, 1000)


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_orientation(kind: str) -> None:
    pixels = square(saved(kind, orientation=6), 16, 1000)
    assert pixels[1, 8, 1] < 40
    assert pixels[14, 8, 1] > 215


@pytest.mark.parametrize("size", [(8, 8), (256, 256), (300, 200), (1920, 1080), (1000, 3), (17, 2049)])
def test_the_size_of_a_jpeg_xl_is_read_from_its_header(size: tuple[int, int]) -> None:
    assert size_of(saved("JXL", size)) == size


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="100" height="60"', (100, 60)),
        ('viewBox="0 0 100 60"', (100, 60)),
        ("width='50mm' height='30mm' viewBox='0 0 100 60'", (189, 113)),
        ('width="100%" height="100%" viewBox="0,0,100,60"', (100, 60)),
    ],
)
def test_drawings(attributes: str, size: tuple[int, int]) -> None:
    data = ("\ufeff<?xml version='1.0'?>\n<!-- a -->" + SVG.format(attributes, BLUE)).encode()
    assert size_of(data) == size
    assert (square(data, 16, 50_000)[4:12, 4:12] == (0, 0, 255)).all()


def test_an_empty_drawing_is_white() -> None:
    assert (square(SVG.format('width="9" height="9"', "").encode(), 8, 100) == 255).all()


@pytest.mark.parametrize(
    ("attributes", "content", "reason"),
    [
        ('width="9" height="9"', '<image href="{}" width="9" height="9"/>', "another file"),
        ('width="9" height="9"', "<filter id='f'><feImage href = '{}'/></filter>", "another file"),
        ('width="9" height="9"', '<image href="&#47;{}"/>', "another file"),
        ('width="9" height="9"', "<text>word</text>", "has text"),
        ("", BLUE, "without a width"),
        ('width="0" height="9"', BLUE, "image_empty"),
        ('width="100000" height="1e6"', BLUE, "image_too_large"),
        ('width="1" height="90000"', BLUE, "image_too_large"),
        ('width="9" height="9"', "<rect", "image_undecodable"),
    ],
)
def test_drawings_that_are_dropped(attributes: str, content: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (9, 9), (255, 0, 0)).save(path)
    with pytest.raises(BadPicture, match=reason):
        square(SVG.format(attributes, content.format(path)).encode(), 8, 100_000)


def test_entities_of_a_drawing() -> None:
    plain = '<!DOCTYPE svg [<!ENTITY ns "http://example.org/">]>' + SVG.format(
        'width="9" height="9" xmlns:a="&ns;"', BLUE
    )
    assert (square(plain.encode(), 8, 100)[2:6, 2:6] == (0, 0, 255)).all()
    for entity in ('<!ENTITY a "&#60;image">', '<!ENTITY a SYSTEM "/etc/hostname">', "<!ENTITY % a '<b/>'>"):
        with pytest.raises(BadPicture, match="image_undecodable"):
            square(f"<!DOCTYPE svg [{entity}]>{SVG.format('', BLUE)}".encode(), 8, 100)


@pytest.mark.parametrize("name", ["HEIC", "JPEG XL", "SVG"])
def test_a_missing_package_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"HEIC": lambda: saved("HEIF"), "JPEG XL": lambda: saved("JXL"), "SVG": lambda: SVG.format("", "").encode()}
    monkeypatch.setattr(
        optional_formats, "find_spec", lambda package: None if package == PACKAGES[name] else find_spec(package)
    )
    assert name not in optional_formats.installed()
    with pytest.raises(BadPicture, match=rf"image_undecodable: {name}, which needs the extra image-formats: pip"):
        size_of(data[name]())


def test_warnings_of_libraries_do_not_reach_the_terminal() -> None:
    script = "import sys; from triptych.tokenizers.image.decode_picture import *\ndata = sys.stdin.buffer.read()\n"
    script += "for end in range(8, len(data), 97):\n  try: square(data[:end], 8, 10**6)\n  except BadPicture: pass\n"
    for kind in ("TIFF", "JPEG", "PNG", "WEBP", "AVIF", "HEIF"):
        done = subprocess.run([sys.executable, "-c", script], input=saved(kind), capture_output=True, check=True)
        assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.parametrize(("kind", "name"), [("JPEG2000", "JPEG 2000"), ("ICO", "ICO"), ("PPM", "PPM"), ("EPS", "EPS")])
def test_formats_that_are_not_read_are_named(kind: str, name: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (1, 2, 3)).save(stream, kind)
    with pytest.raises(BadPicture, match=f"image_undecodable: {name}, which is not read"):
        size_of(stream.getvalue())
    with pytest.raises(BadPicture, match=f"{name}, which is not read"):
        square(stream.getvalue(), 16, 10**6)


def test_an_error_page_in_the_place_of_an_image_is_named() -> None:
    with pytest.raises(BadPicture, match="HTML, which is not read"):
        size_of(b"\n<!doctype HTML><title>404</title>")
