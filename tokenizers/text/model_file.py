"""Reads the model file of a text tokenizer, given by its own path or by its folder."""

import fsspec

from ...schemas.errors import Refusal

MOST_BYTES = 128 << 20  # the largest that are published have a quarter of it
MOST_GAPS = 1 << 20  # ids without a piece


def read_model(path: str, name: str) -> bytes:
    """Read a file, given by its path or fsspec URL or by that of its folder.

    Args:
        path: The file, or the folder that holds it.
        name: Name of the file within the folder.

    Raises:
        Refusal: No file can be read.
    """
    fs, where = fsspec.core.url_to_fs(path)
    try:
        if fs.isdir(where):
            where = f"{where.rstrip('/')}/{name}"
        size = fs.size(where) or 0
        if size > MOST_BYTES:
            raise Refusal(
                f"text tokenizer `{path}`: the file has {size:,} bytes, and no text tokenizer has more than "
                f"{MOST_BYTES:,}. Give the path of a {name} file."
            )
        data: bytes = fs.cat_file(where)
    except OSError as error:
        raise Refusal(
            f"text tokenizer `{path}`: no file can be read there ({type(error).__name__}). "
            f"Give the path of a {name} file, or of a folder with one."
        ) from None
    return data


def require_ids_fit(path: str, greatest: int, pieces: int) -> None:
    """Check that the ids of a tokenizer are about as many as its pieces, before arrays of that size are made.

    Args:
        path: Where the tokenizer is, for the message.
        greatest: The greatest id.
        pieces: Number of pieces.

    Raises:
        Refusal: There are none, or the ids go far beyond them.
    """
    if not pieces or greatest >= pieces + MOST_GAPS:
        raise Refusal(
            f"text tokenizer `{path}`: has {pieces:,} pieces with ids up to {greatest:,}, so the file is damaged or "
            "made to fill the memory. Copy it again from where it was published."
        )
