"""Edits of a picture are found, other pictures are not, and what cannot be judged is left alone."""

import io
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from triptych.pipelines.dedup.image.near import PerceptualHash
from triptych.schemas.config.dedup import NearImage

LIMIT = 10_000_000
COUNT = 24
Pictures = list[Image.Image]


def saved(image: Image.Image, kind: str = "BMP", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def photograph(seed: int) -> Image.Image:
    """Colours whose detail falls with frequency."""
    spectrum = np.random.default_rng(seed).normal(size=(3, 40, 40)) / (1 + np.add.outer(range(40), range(40))) ** 1.2
    down, across = (np.cos(np.pi * (np.arange(n) + 0.5) / n * np.arange(40)[:, None]) for n in (180 + seed % 60, 240))
    values = down.T @ spectrum @ across
    values = 120 + 45 * values / values.std((1, 2), keepdims=True)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8).transpose(1, 2, 0))


def drawing(seed: int) -> Image.Image:
    """A few shapes in strong colours on white."""
    draw = np.random.default_rng(seed)
    image = Image.new("RGB", (256, 256), "white")
    brush = ImageDraw.Draw(image)
    for _ in range(6):
        left, top, width, height = draw.integers(10, 110, 4).tolist()
        colour = tuple(draw.integers(0, 200, 3).tolist())
        shape = brush.ellipse if draw.random() < 0.5 else brush.rectangle
        shape((left, top, left + width + 10, top + height + 10), fill=colour)
    return image


@cache
def pictures() -> tuple[Image.Image, ...]:
    return tuple(photograph(seed) for seed in range(COUNT // 2)) + tuple(drawing(seed) for seed in range(COUNT // 2))


def cropped(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = image.size
    edges = round(left * width), round(top * height), round(width - right * width), round(height - bottom * height)
    return image.crop(edges)


EDITS: dict[str, Callable[[Image.Image], bytes]] = {
    "half": lambda image: saved(image.resize((image.width // 2, image.height // 2))),
    "to 128": lambda image: saved(image.resize((128, 128))),
    "jpeg 30": lambda image: saved(image, "JPEG", quality=30),
    "four sides": lambda image: saved(cropped(image, 0.05, 0.05, 0.05, 0.05)),
    "one side": lambda image: saved(cropped(image, 0.05, 0, 0, 0)),
    "uneven": lambda image: saved(cropped(image, 0.02, 0.04, 0.05, 0.01)),
    "brighter": lambda image: saved(ImageEnhance.Brightness(image).enhance(1.2)),
    "darker": lambda image: saved(ImageEnhance.Brightness(image).enhance(0.8)),
}


def near(radius: int = 6) -> PerceptualHash:
    return PerceptualHash(NearImage(radius=radius), LIMIT)


def duplicates(files: list[bytes], radius: int = 6) -> set[tuple[int, int]]:
    """Pairs that keys bring together and `alike` confirms, as the stages do it."""
    way = near(radius)
    signatures = way.sign(pa.chunked_array([files], pa.binary()))
    there = np.flatnonzero(signatures.is_valid())
    signatures = signatures.take(pa.array(there))
    keyed = way.keys(signatures)
    order = np.argsort(keyed.key, kind="stable")
    left, right = way.pairs(keyed.key[order], keyed.sketch[order])
    ends = np.sort(np.stack([keyed.owner[order][left], keyed.owner[order][right]]), axis=0)
    left, right = np.unique(ends[:, ends[0] != ends[1]], axis=1)
    alike = way.alike(signatures.take(pa.array(left)), signatures.take(pa.array(right)))
    return set(zip(there[left[alike]].tolist(), there[right[alike]].tolist(), strict=True))


@pytest.mark.parametrize("name", EDITS)
def test_edits_are_found_and_nothing_else(name: str) -> None:
    originals = [saved(image) for image in pictures()]
    copies = [EDITS[name](image) for image in pictures()]
    found = duplicates(originals + copies)
    planted = {(index, COUNT + index) for index in range(COUNT)}
    assert len(found & planted) >= 0.95 * COUNT
    assert found <= planted


def test_a_signature_does_not_depend_on_its_neighbours_or_chunks() -> None:
    files = [saved(image, "JPEG") for image in pictures()]
    whole = near().sign(pa.chunked_array([files], pa.binary()))
    assert near().sign(pa.chunked_array([files[:3], [], files[3:]], pa.binary())).equals(whole)
    assert near().sign(pa.chunked_array([files[5:7]], pa.binary())).equals(whole.slice(5, 2))
    assert near().sign(pa.chunked_array([], pa.binary())).type == whole.type


def test_a_verdict_does_not_depend_on_its_neighbours() -> None:
    files = [saved(image) for image in pictures()] + [EDITS["uneven"](image) for image in pictures()]
    signatures = near().sign(pa.chunked_array([files], pa.binary()))
    ends = pa.array(np.arange(2 * COUNT)), pa.array(np.roll(np.arange(2 * COUNT), COUNT))
    left, right = (signatures.take(end) for end in ends)
    verdicts = near().alike(left, right)
    assert verdicts.any()
    for start in range(0, 2 * COUNT, 7):
        assert np.array_equal(near().alike(left.slice(start, 7), right.slice(start, 7)), verdicts[start : start + 7])
    assert np.array_equal(near().alike(right, left), verdicts)


def test_pictures_of_one_colour_are_left_alone() -> None:
    noise = np.random.default_rng(0).integers(126, 130, (100, 100, 3)).astype(np.uint8)
    dust = Image.new("RGB", (400, 400), "white")
    dust.putpixel((9, 9), (0, 0, 0))
    files = [saved(Image.new("RGB", (64, 64), colour)) for colour in ("white", "black", "red")]
    files += [saved(Image.new("RGB", (90, 40), "white")), saved(Image.fromarray(noise)), saved(dust)]
    assert near().sign(pa.chunked_array([files], pa.binary())).null_count == len(files)


def test_what_cannot_be_opened_has_no_signature() -> None:
    whole = saved(photograph(0))
    huge = saved(Image.new("L", (4000, 3000)), "PNG")
    signatures = near().sign(pa.chunked_array([[b"", b"no picture", whole[:200], huge, whole]], pa.binary()))
    assert signatures.is_null().to_pylist() == [True, True, True, True, False]


def test_a_recoloured_drawing_is_another_picture() -> None:
    red, green, blue = drawing(3).split()
    files = [saved(drawing(3)), saved(Image.merge("RGB", (blue, red, green))), saved(drawing(3).convert("L"))]
    assert duplicates(files) == set()


def test_a_small_sign_within_a_drawing_makes_another_picture() -> None:
    frame = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(frame).polygon([(128, 8), (248, 240), (8, 240)], fill="gold", outline="black", width=9)
    signs = []
    for shape in ("ellipse", "rectangle", "pieslice"):
        sign = frame.copy()
        box = (96, 120, 160, 184)
        getattr(ImageDraw.Draw(sign), shape)(*([box, 20, 160] if shape == "pieslice" else [box]), fill="black")
        signs.append(saved(sign))
    signs.append(saved(frame))
    assert duplicates([*signs, EDITS["jpeg 30"](frame)]) == {(3, 4)}


def test_transparency_and_orientation_count_as_seen() -> None:
    image = drawing(1)
    clear = image.convert("RGBA")
    clear.putalpha(Image.fromarray(np.where(np.asarray(image).min(2) == 255, 0, 255).astype(np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = image.transpose(Image.Transpose.ROTATE_90)
    files = [saved(image), saved(clear, "PNG"), saved(turned, "JPEG", quality=95, exif=exif)]
    assert duplicates(files) == {(0, 1), (0, 2), (1, 2)}


def test_the_radius_bounds_how_far_hashes_may_be_apart() -> None:
    files = [saved(image) for image in pictures()] + [EDITS["uneven"](image) for image in pictures()]
    by_radius = [duplicates(files, radius) for radius in (0, 3, 6, 9)]
    assert all(tight <= wide for tight, wide in pairwise(by_radius))
    assert len(by_radius[0]) < len(by_radius[-1])


def test_many_copies_make_one_crowd_at_linear_cost() -> None:
    way = near()
    signature = way.sign(pa.chunked_array([[saved(photograph(0))]], pa.binary()))
    keyed = way.keys(signature.take(pa.array(np.zeros(1000, np.int64))))
    order = np.argsort(keyed.key, kind="stable")
    left, _ = way.pairs(keyed.key[order], keyed.sketch[order])
    assert len(left) < 20 * len(keyed.key)


def test_the_limit_and_the_radius_are_part_of_the_identity() -> None:
    ways = [near(), near(5), PerceptualHash(NearImage(), LIMIT + 1)]
    assert len({str(way.identity()) for way in ways}) == 3
