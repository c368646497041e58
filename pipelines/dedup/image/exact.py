"""What makes two pictures exact duplicates: the bytes of their files."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from ....tokenizers.image.picture import BadPicture, size_of

KEY_BYTES = 16


def image_keys(values: pa.ChunkedArray) -> tuple[pa.FixedSizeBinaryArray, npt.NDArray[np.int64]]:
    """xxh3-128 of every file's bytes, and width times height as its header has them.

    The key is null and the size 0 where the header says nothing; a later stage names what is wrong with the file.
    """
    keys: list[bytes | None] = []
    sizes = np.zeros(len(values), np.int64)
    for index, value in enumerate(values):
        data = value.as_py()
        try:
            width, height = size_of(data)
        except BadPicture:
            keys.append(None)
            continue
        keys.append(xxhash.xxh3_128_digest(data))
        sizes[index] = width * height
    return pa.array(keys, pa.binary(KEY_BYTES)), sizes
