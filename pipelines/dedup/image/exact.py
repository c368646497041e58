"""Exact duplicates of images: equal bytes of the files."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from ....tokenizers.image.decode_picture import BadPicture, size_of

KEY_BYTES = 16
Size = tuple[int, int]


def image_keys(
    values: pa.ChunkedArray, read: Callable[[bytes], Size] = size_of
) -> tuple[pa.FixedSizeBinaryArray, npt.NDArray[np.int64]]:
    """Hash image files and read their sizes.

    Args:
        values: (n,) files.
        read: Returns width and height of a file, called once for each in order; raises BadPicture.

    Returns:
        (n,) xxh3-128 of the bytes and (n,) width times height from the header; null and 0 for a file whose header
        cannot be read, which a later stage drops with a reason.
    """
    keys: list[bytes | None] = []
    sizes = np.zeros(len(values), np.int64)
    for index, value in enumerate(values):
        data = value.as_py()
        try:
            width, height = read(data)
        except BadPicture:
            keys.append(None)
            continue
        keys.append(xxhash.xxh3_128_digest(data))
        sizes[index] = width * height
    return pa.array(keys, pa.binary(KEY_BYTES)), sizes
