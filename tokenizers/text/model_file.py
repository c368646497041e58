"""Reads the model file of a text tokenizer, given by its own path or by its folder."""

import fsspec

from ...schemas.errors import Refusal


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
        data: bytes = fs.cat_file(where)
    except OSError as error:
        raise Refusal(
            f"text tokenizer `{path}`: no file can be read there ({type(error).__name__}). "
            f"Give the path of a {name} file, or of a folder with one."
        ) from None
    return data
