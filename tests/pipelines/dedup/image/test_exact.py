"""Pictures are exact duplicates by the bytes of their files."""

import io

import numpy as np
import pyarrow as pa
from PIL import Image

from triptych.pipelines.dedup.image.exact import image_keys


def picture(value: int, kind: str = "PNG", size: tuple[int, int] = (30, 20)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (value, 0, 0)).save(stream, kind)
    return stream.getvalue()


def test_keys_tell_bytes_apart_and_sizes_are_pixels() -> None:
    files = [picture(1), picture(1), picture(2), picture(1, "BMP"), picture(1, size=(7, 5))]
    values = pa.chunked_array([files[:2], [], files[2:]], pa.binary())
    keys, sizes = image_keys(values)
    assert keys.type == pa.binary(16)
    assert len(set(keys.to_pylist())) == 4
    assert keys[0] == keys[1]
    assert sizes.dtype == np.int64
    assert sizes.tolist() == [600, 600, 600, 600, 35]


def test_what_does_not_open_has_no_key() -> None:
    whole = picture(1)
    keys, sizes = image_keys(pa.chunked_array([[b"", b"no picture", whole[:20], whole]], pa.binary()))
    assert keys.is_null().to_pylist() == [True, True, True, False]
    assert sizes.tolist() == [0, 0, 0, 600]


def test_no_pictures_give_no_keys() -> None:
    keys, sizes = image_keys(pa.chunked_array([], pa.binary()))
    assert keys.type == pa.binary(16)
    assert len(keys) == len(sizes) == 0
